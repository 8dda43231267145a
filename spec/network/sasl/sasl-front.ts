import { BehaviorSubject, Observable, Subject, type Subscriber } from 'rxjs';
import type { ByteStream, Transport } from '../../../lib/types';
import { frame, versionsOf, type Offer } from '../fake-broker';

// The SASL half of a broker, byte by byte: nothing here encodes with the code under test.

/** What the broker says to one message. */
export interface SaslReply {
  readonly code?: number;
  readonly message?: string;
  readonly bytes?: Uint8Array;
  readonly lifetimeMs?: number;
}

export interface SaslScript {
  /** [the mechanism is enabled] */
  readonly handshake?: (mechanism: string) => { readonly code: number; readonly mechanisms?: readonly string[] };
  /** `step` counts the messages of a conversation from 0. `undefined`: no answer. */
  readonly authenticate: (message: Buffer, step: number) => SaslReply | undefined;
  /** The versions of SaslAuthenticate. [0 to 2] */
  readonly versions?: readonly [number, number];
}

/** A request that the front leaves to others, and its place among the replies. */
export interface Asked {
  readonly key: number;
  readonly correlationId: number;
  answer(reply: Buffer): void;
}

const HANDSHAKE = 17;
const API_VERSIONS = 18;
const AUTHENTICATE = 36;

/**
 * Stands before a broker and speaks SASL for it. Replies leave in the order of the requests, as a broker's do. Without
 * an `inner` transport, requests of other APIs wait in `asked` for the spec to answer them.
 */
export class SaslFront {
  /** Sockets opened, handshakes seen, and all names of requests in their order, over all sockets. */
  sockets = 0;
  live = 0;
  readonly seen: string[] = [];
  readonly messages: Buffer[] = [];
  asked: Asked[] = [];
  script: SaslScript;
  readonly #offers: readonly Offer[];
  readonly #inner: Transport | undefined;

  constructor(script: SaslScript, offers: readonly Offer[], inner?: Transport) {
    this.script = script;
    this.#offers = offers;
    this.#inner = inner;
  }

  /** How often a conversation was begun. */
  get handshakes(): number {
    return this.seen.filter(name => name === 'SaslHandshake').length;
  }

  readonly transport: Transport = (broker, tls) =>
    new Observable<ByteStream>(subscriber => {
      this.sockets += 1;
      this.live += 1;
      subscriber.add(() => (this.live -= 1));
      if (this.#inner === undefined) this.#open(subscriber, undefined);
      else
        subscriber.add(
          this.#inner(broker, tls).subscribe({
            next: stream => this.#open(subscriber, stream),
            error: (error: unknown) => subscriber.error(error),
            complete: () => subscriber.complete(),
          }),
        );
    });

  #open(subscriber: Subscriber<ByteStream>, inner: ByteStream | undefined): void {
    const received = new Subject<Uint8Array>();
    /** One place per request; a reply leaves when all before it have left. */
    const places: { reply?: Buffer; inner?: true }[] = [];
    const flush = (): void => {
      while (places[0]?.reply !== undefined) received.next(places.shift()!.reply!);
    };
    let step = 0;
    const take = (request: Buffer): void => {
      const [key, version, correlationId] = [request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8)];
      const place: { reply?: Buffer; inner?: true } = {};
      places.push(place);
      const answer = (reply: Buffer): void => {
        place.reply = reply;
        flush();
      };
      const body = request.subarray(14 + request.readInt16BE(12));
      if (key === API_VERSIONS && version <= 5) answer(versionsOf(correlationId, version, this.#all()));
      else if (key === HANDSHAKE) {
        this.seen.push('SaslHandshake');
        step = 0;
        const { code, mechanisms = [] } = this.script.handshake?.(body.toString('latin1', 2)) ?? { code: 0 };
        answer(frame(correlationId, Buffer.concat([int(code, 2), int(mechanisms.length, 4), ...mechanisms.map(text)])));
      } else if (key === AUTHENTICATE) {
        this.seen.push('SaslAuthenticate');
        const message = Buffer.from(version >= 2 ? body.subarray(1 + sizeOfVarint(body, 1), -1) : body.subarray(4));
        this.messages.push(message);
        const reply = this.script.authenticate(message, step++);
        if (reply !== undefined) answer(frame(correlationId, saslReply(reply, version)));
      } else if (inner === undefined) {
        this.seen.push(String(key));
        this.asked.push({ key, correlationId, answer });
      } else {
        this.seen.push(String(key));
        place.inner = true;
        inner.write([request]);
      }
    };
    if (inner !== undefined) {
      const replies = frames(reply => {
        places.find(place => place.inner === true && place.reply === undefined)!.reply = reply;
        flush();
      });
      subscriber.add(inner.received.subscribe({ next: replies, complete: () => received.complete() }));
    }
    const requests = frames(take);
    subscriber.next({
      received,
      writable: new BehaviorSubject(true),
      write: chunks => requests(Buffer.concat(chunks)),
    });
  }

  #all(): Offer[] {
    const [min, max] = this.script.versions ?? [0, 2];
    return [...this.#offers.filter(([key]) => key !== HANDSHAKE && key !== AUTHENTICATE), [17, 0, 1], [36, min, max]];
  }
}

/** Cuts what it is given into frames with their length. */
function frames(handle: (frame: Buffer) => void): (bytes: Uint8Array) => void {
  let rest: Buffer = Buffer.alloc(0);
  return bytes => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const one = rest.subarray(0, 4 + rest.readInt32BE(0));
      rest = rest.subarray(one.length);
      handle(one);
    }
  };
}

/** v2 has a header with tagged fields and compact lengths, both below 128 here but for long messages. */
function saslReply({ code = 0, message, bytes = Buffer.alloc(0), lifetimeMs = 0 }: SaslReply, version: number): Buffer {
  if (version < 2)
    return Buffer.concat([
      int(code, 2),
      message === undefined ? int(-1, 2) : text(message),
      int(bytes.length, 4),
      bytes,
      ...(version === 1 ? [long(lifetimeMs)] : []),
    ]);
  const compact = (of: Uint8Array) => [varint(of.length + 1), of];
  return Buffer.concat([
    Buffer.from([0]),
    int(code, 2),
    ...(message === undefined ? [Buffer.from([0])] : compact(Buffer.from(message))),
    ...compact(bytes),
    long(lifetimeMs),
    Buffer.from([0]),
  ]);
}

function int(value: number, size: 2 | 4): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([int(Buffer.byteLength(value), 2), Buffer.from(value)]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  for (; value > 127; value >>>= 7) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
}

function sizeOfVarint(bytes: Buffer, at: number): number {
  let size = 1;
  while (bytes[at + size - 1]! > 127) size += 1;
  return size;
}
