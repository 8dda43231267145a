import { Observable, Subject, type Subscriber, type Subscription } from 'rxjs';
import { Slot } from '../../../lib/cluster/slot';
import { AuthenticationError, ClosedError, ConnectionError, RequestTimeoutError } from '../../../lib/errors';
import type { Connection } from '../../../lib/network/connection';
import { resolveClientOptions } from '../../../lib/options';
import type { ByteStream, KafkaEventBody, Transport } from '../../../lib/types';
import { BROKER, Echo, FakeTime } from '../fake-broker';
import { BACKOFF_MAX_MS, BACKOFF_MS, IDLE_MS, SET_UP_MS, termsOf, type Habit } from './terms';

// The library itself under the same commands: a slot, `connect`, and sockets in the spec's hand. It writes down what each
// party is told, in order.

/** A socket as its peer sees it. It goes on talking to whoever once listened, destroyed or not. */
class Socket {
  destroyed = false;
  outbox: Buffer = Buffer.alloc(0);
  #bytes: Subscriber<Uint8Array> | undefined;
  #pressure: Subscriber<boolean> | undefined;

  constructor(
    readonly generation: number,
    readonly outer: Subscriber<ByteStream>,
    readonly write: (bytes: Buffer) => void,
  ) {}

  open(): void {
    this.outer.next({
      received: new Observable(bytes => void (this.#bytes = bytes)),
      writable: new Observable(pressure => {
        this.#pressure = pressure;
        pressure.next(true);
      }),
      write: chunks => this.write(Buffer.concat(chunks)),
    });
  }

  send(bytes: Uint8Array): void {
    this.#bytes?.next(bytes);
  }

  /** The next bytes of what is on its way. */
  deliver(count: number, behind: Uint8Array = Buffer.alloc(0)): void {
    const bytes = Buffer.concat([this.outbox.subarray(0, count), behind]);
    this.outbox = this.outbox.subarray(count);
    this.send(bytes);
  }

  writable(writable: boolean): void {
    this.#pressure?.next(writable);
  }

  fin(): void {
    this.#bytes?.complete();
    this.outer.complete();
  }

  reset(): void {
    this.outer.error(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }
}

export class World {
  readonly trace: string[] = [];
  /** What must never be, whatever the model says. */
  readonly faults: string[] = [];
  readonly time = new FakeTime();
  readonly sockets: Socket[] = [];
  readonly offered: Connection[] = [];
  readonly slot: Slot;
  readonly #open: { readonly id: number; readonly subscription: () => Subscription | undefined }[] = [];
  readonly #waiters = new Map<number, Subscription>();
  readonly #settled = new Map<number, number>();
  #authentication = new Subject<never>();
  #ids = 0;
  #waiterIds = 0;

  constructor() {
    const client = resolveClientOptions(
      {
        brokers: 'b:1',
        connectTimeoutMs: SET_UP_MS,
        connectionIdleMs: IDLE_MS,
        reconnectBackoffMs: BACKOFF_MS,
        reconnectBackoffMaxMs: BACKOFF_MAX_MS,
      },
      { runtime: this.time, transport: this.#transport },
    );
    this.slot = new Slot(BROKER, 'client', 'client', {
      client,
      emit: event => this.#event(event),
      onStatus: () => undefined,
      onLost: () => undefined,
      authenticate: connection => {
        this.trace.push(`authenticate ${connection.generation}`);
        return (this.#authentication = new Subject<never>());
      },
    });
  }

  get socket(): Socket {
    return this.sockets.at(-1)!;
  }

  get live(): number {
    let live = 0;
    for (const socket of this.sockets) live += socket.destroyed ? 0 : 1;
    return live;
  }

  /** Requests and waiters that nobody has told anything and that have not left. */
  get unsettled(): number {
    return this.#open.length + [...this.#waiters.values()].filter(({ closed }) => !closed).length;
  }

  get timers(): number {
    return this.time.scheduler.actions.filter(action => !action.closed).length;
  }

  readonly #transport: Transport = () =>
    new Observable<ByteStream>(outer => {
      const generation = this.slot.status!.generation;
      this.trace.push(`open ${generation}`);
      if (this.live > 0) this.faults.push('two live sockets');
      const socket = new Socket(generation, outer, bytes => {
        if (socket.destroyed) this.faults.push('written to a dead socket');
        if (bytes.length !== 4 + bytes.readInt32BE(0)) this.faults.push('no whole request was written');
        const [key, version, place] = [bytes.readInt16BE(4), bytes.readInt16BE(6), bytes.readInt32BE(8)];
        this.trace.push(`write ${generation} ${key} ${version} ${place}`);
      });
      this.sockets.push(socket);
      outer.add(() => {
        socket.destroyed = true;
        this.trace.push(`destroy ${generation}`);
      });
    });

  #event(event: KafkaEventBody): void {
    if (event.type === 'connected') {
      const { generation } = event.connection;
      const connection = this.slot.connection!;
      this.offered.push(connection);
      this.trace.push(`event connected ${generation}`);
      connection.state.subscribe(state => {
        this.trace.push(`state ${generation} ${state}`);
        const alive = state === 'connected';
        if (connection.connected !== alive) this.faults.push(`${state} and not so`);
        if (!alive && (connection.inFlight > 0 || !this.socket.destroyed)) this.faults.push('left something behind');
      });
    } else if (event.type === 'disconnected') {
      this.trace.push(`event disconnected ${event.connection.generation} ${event.reason} ${event.cancelled}`);
      if (event.connection.state !== 'disconnected') this.faults.push('told of an end that is none');
    } else if (event.type === 'throttled') this.trace.push(`event throttled ${event.throttleMs}`);
  }

  acquire(ends: boolean): void {
    const id = this.#waiterIds++;
    const subscription = this.slot.acquire().subscribe({
      next: connection => {
        this.trace.push(`waiter ${id} got ${connection.generation}`);
        if (!connection.connected) this.faults.push('a dead connection was offered');
        if (ends) connection.close('protocol');
      },
      error: (error: unknown) =>
        this.trace.push(
          error instanceof ClosedError || (error instanceof ConnectionError && error.reason === 'shutdown')
            ? `waiter ${id} refused`
            : `waiter ${id} failed ${reasonOf(error)}`,
        ),
    });
    this.#waiters.set(id, subscription);
  }

  leave(id: number): void {
    this.#waiters.get(id)!.unsubscribe();
  }

  closeSlot(): void {
    this.slot.close(new ClosedError('closed by the spec'));
  }

  authenticated(): void {
    this.#authentication.complete();
  }

  refused(): void {
    this.#authentication.error(new AuthenticationError('wrong password'));
  }

  send(connection: Connection, choice: number, habit: Habit): void {
    const id = this.#ids++;
    let dropped = false;
    let subscription: Subscription | undefined = undefined;
    const settle = (): void => {
      this.#settled.set(id, (this.#settled.get(id) ?? 0) + 1);
      if (dropped) this.faults.push(`request ${id} was told although nobody listens`);
      if (this.#settled.get(id)! > 1) this.faults.push(`request ${id} settled twice`);
      const at = this.#open.findIndex(one => one.id === id);
      if (at >= 0) this.#open.splice(at, 1);
    };
    this.#open.push({
      id,
      subscription: () => {
        dropped = true;
        return subscription;
      },
    });
    subscription = connection.request(Echo, { text: '' }, termsOf(id, choice)).subscribe({
      next: reply => {
        settle();
        this.trace.push(`value ${id} ${reply === undefined ? '-' : reply.code}`);
        if (habit === 'ends') connection.close('protocol');
        else if (habit === 'continues') this.send(connection, id, 'nothing');
        else if (habit === 'shuts') this.closeSlot();
        else if (habit === 'drops') this.drop(id);
      },
      error: (error: unknown) => {
        settle();
        if (error instanceof RequestTimeoutError) {
          this.trace.push(`error ${id} timeout`);
          return;
        }
        const sent = error instanceof ConnectionError && error.sent;
        this.trace.push(`error ${id} ${reasonOf(error)} ${sent ? 'sent' : 'unsent'}`);
        if (connection.connected) this.faults.push('told of an end before it is one');
        if (this.slot.connection === connection) this.faults.push('offered while it ends');
        if (habit === 'retries') this.send(connection, id, 'nothing');
        else if (habit === 'drops') this.drop(id);
        else if (habit === 'acquires') this.acquire(false);
        else if (habit === 'closes') this.closeSlot();
      },
    });
    if (dropped) subscription.unsubscribe();
  }

  /** Gives up the `which`-th request that is open; returns its id. */
  drop(which: number): number | undefined {
    const { length } = this.#open;
    if (length === 0) return undefined;
    const [one] = this.#open.splice(which % length, 1);
    one!.subscription()?.unsubscribe();
    return one!.id;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ConnectionError) return error.reason;
  return error instanceof AuthenticationError ? 'authentication' : 'protocol';
}
