import { BehaviorSubject, Observable, Subject, VirtualTimeScheduler, type Subscriber } from 'rxjs';
import { connect, type Connection, type ConnectOptions } from '../../lib/network/connection';
import { api } from '../../lib/protocol/api';
import { int16, int32, string } from '../../lib/protocol/schema';
import type { BrokerAddress, ByteStream, DisconnectReason, Runtime, Transport } from '../../lib/types';

// The broker's side of a socket, written by hand and byte by byte: nothing here encodes with the code under test.

export const BROKER: BrokerAddress = { host: 'broker', port: 9092, nodeId: 7 };

/** A small API of our own, so that its bytes are easy to write down: both headers without tagged fields. */
export const Echo = api({
  name: 'Echo',
  key: 900,
  versions: [0, 3],
  flexible: Infinity,
  request: { text: string },
  response: { throttleTimeMs: int32.since(1).default(0), code: int16 },
});

/** Time that only moves when told. */
export class FakeTime implements Runtime {
  readonly scheduler = new VirtualTimeScheduler();

  yield(work: () => void) {
    return this.scheduler.schedule(work, 0);
  }

  random(): number {
    return 0.5;
  }

  advance(ms: number): void {
    const until = this.scheduler.frame + ms;
    this.scheduler.schedule(() => undefined, ms);
    this.scheduler.maxFrames = until;
    this.scheduler.flush();
    this.scheduler.frame = until;
  }
}

export interface SeenRequest {
  readonly key: number;
  readonly version: number;
  readonly correlationId: number;
}

/** One socket as the broker sees it. */
export class FakeSocket {
  readonly received = new Subject<Uint8Array>();
  readonly writable = new BehaviorSubject(true);
  destroyed = false;
  readonly #outer: Subscriber<ByteStream>;
  #written: Buffer = Buffer.alloc(0);

  constructor(outer: Subscriber<ByteStream>) {
    this.#outer = outer;
  }

  open(): void {
    this.#outer.next({
      received: this.received,
      writable: this.writable,
      write: chunks => {
        if (this.destroyed) throw new Error('written after the end');
        this.#written = Buffer.concat([this.#written, ...chunks]);
      },
    });
  }

  get requests(): SeenRequest[] {
    const seen: SeenRequest[] = [];
    let rest = this.#written;
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      seen.push({ key: rest.readInt16BE(4), version: rest.readInt16BE(6), correlationId: rest.readInt32BE(8) });
      rest = rest.subarray(4 + rest.readInt32BE(0));
    }
    if (rest.length > 0) throw new Error('half a request was written');
    return seen;
  }

  /** The newest request. */
  get last(): SeenRequest {
    return this.requests.at(-1)!;
  }

  send(bytes: Uint8Array): void {
    this.received.next(bytes);
  }

  /** FIN. */
  end(): void {
    this.received.complete();
    this.#outer.complete();
  }

  /** RST. */
  reset(): void {
    this.#outer.error(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }

  fail(error: unknown): void {
    this.#outer.error(error);
  }
}

export function frame(correlationId: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(8 + body.length);
  bytes.writeInt32BE(4 + body.length, 0);
  bytes.writeInt32BE(correlationId, 4);
  bytes.set(body, 8);
  return bytes;
}

/** Echo's response. */
export function echoed(correlationId: number, code: number, throttleTimeMs = 0, version = 3): Buffer {
  const body = Buffer.alloc(version >= 1 ? 6 : 2);
  if (version >= 1) body.writeInt32BE(throttleTimeMs, 0);
  body.writeInt16BE(code, version >= 1 ? 4 : 0);
  return frame(correlationId, body);
}

export type Offer = readonly [key: number, min: number, max: number];
export const OFFERS: readonly Offer[] = [
  [900, 0, 3],
  [18, 0, 5],
];

/** ApiVersions' response: the header never has tagged fields, the body has from version 3 on. */
export function versionsOf(
  correlationId: number,
  version: number,
  offers: readonly Offer[] = OFFERS,
  code = 0,
): Buffer {
  const flexible = version >= 3;
  const int16s = (...values: number[]) =>
    Buffer.concat(values.map(value => Buffer.from([(value >> 8) & 255, value & 255])));
  const tag = flexible ? [Buffer.from([0])] : [];
  const count = flexible ? Buffer.from([offers.length + 1]) : Buffer.concat([int16s(0, offers.length)]);
  const throttle = version >= 1 ? [Buffer.alloc(4)] : [];
  return frame(
    correlationId,
    Buffer.concat([int16s(code), count, ...offers.flatMap(offer => [int16s(...offer), ...tag]), ...throttle, ...tag]),
  );
}

/** What a test sees of one `connect()`. */
export interface Attempt {
  connection: Connection | undefined;
  error: any;
  completed: boolean;
  readonly gone: { readonly reason: DisconnectReason; readonly error: unknown; readonly cancelled: number }[];
  unsubscribe(): void;
}

/** A world of one broker: sockets in the order of their opening. */
export class FakeBroker {
  readonly time = new FakeTime();
  readonly sockets: FakeSocket[] = [];
  live = 0;
  autoOpen = true;

  readonly transport: Transport = () =>
    new Observable<ByteStream>(subscriber => {
      const socket = new FakeSocket(subscriber);
      this.sockets.push(socket);
      this.live += 1;
      subscriber.add(() => {
        socket.destroyed = true;
        this.live -= 1;
      });
      if (this.autoOpen) socket.open();
    });

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  options(more: Partial<ConnectOptions> = {}): ConnectOptions {
    return {
      clientId: 'test',
      transport: this.transport,
      tls: undefined,
      runtime: this.time,
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      idleMs: 540_000,
      maxResponseBytes: 1_000_000,
      generation: 1,
      ...more,
    };
  }

  attempt(more: Partial<ConnectOptions> = {}): Attempt {
    const attempt: Attempt = {
      connection: undefined,
      error: undefined,
      completed: false,
      gone: [],
      unsubscribe: () => subscription.unsubscribe(),
    };
    const options = this.options({
      onDisconnected: (reason, error, cancelled) => attempt.gone.push({ reason, error, cancelled }),
      ...more,
    });
    const subscription = connect(BROKER, options).subscribe({
      next: connection => (attempt.connection = connection),
      error: (error: unknown) => (attempt.error = error),
      complete: () => (attempt.completed = true),
    });
    return attempt;
  }

  /** Connects, the handshake done. */
  connected(more: Partial<ConnectOptions> = {}): Attempt & { connection: Connection } {
    const attempt = this.attempt(more);
    const { correlationId, version } = this.socket.last;
    this.socket.send(versionsOf(correlationId, version));
    if (attempt.connection === undefined) throw new Error('not connected');
    return attempt as Attempt & { connection: Connection };
  }
}

/** What a test sees of one request. */
export interface Asked {
  readonly log: string[];
  value: any;
  error: any;
  completed: boolean;
  unsubscribe(): void;
}

/** Subscribes to a request; `log` notes outcomes in their order across requests. */
export function ask<T>(source: Observable<T>, name = '', log: string[] = []): Asked {
  const asked: Asked = {
    log,
    value: undefined,
    error: undefined,
    completed: false,
    unsubscribe: () => subscription.unsubscribe(),
  };
  const subscription = source.subscribe({
    next: value => {
      asked.value = value;
      log.push(`${name} value`);
    },
    error: (error: unknown) => {
      asked.error = error;
      log.push(`${name} error`);
    },
    complete: () => (asked.completed = true),
  });
  return asked;
}
