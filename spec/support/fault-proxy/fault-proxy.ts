import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { End, Way } from './lane';
import { ProxiedConnection, type Direction, type ReplyFault } from './proxied-connection';

export interface FaultProxyOptions {
  /** Where clients come in. [any free port] */
  readonly port?: number;
  /** The broker's own port. */
  readonly target: number;
}

const PASS: Way = { kind: 'pass' };
const BOTH: readonly Direction[] = ['requests', 'replies'];

/**
 * Stands before one broker and does to its connections what networks do. It knows where frames begin and which API a
 * reply belongs to, and changes no byte. All faults can be set and healed while connections are open.
 */
export class FaultProxy {
  readonly #connections = new Set<ProxiedConnection>();
  readonly #sockets = new Set<Socket>();
  readonly #ways: Record<Direction, Way> = { requests: PASS, replies: PASS };
  readonly #replyFaults: ReplyFault[] = [];
  #server: Server | undefined;
  #silent = false;
  #port: number;
  #accepted = 0;
  readonly #requests = new Map<number, number>();

  private constructor(private readonly options: FaultProxyOptions) {
    this.#port = options.port ?? 0;
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** How many connections clients have made so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many requests of an API have come so far. */
  requestsOf(apiKey: number): number {
    return this.#requests.get(apiKey) ?? 0;
  }

  get open(): number {
    return this.#connections.size;
  }

  /** From now on, for open connections and new ones. Direction: both, unless named. */
  shape(way: Way, direction?: Direction): void {
    for (const one of direction === undefined ? BOTH : [direction]) {
      this.#ways[one] = way;
      for (const connection of this.#connections) connection.shape(way, one);
    }
  }

  /** At most so many bytes a second each way. */
  limit(bytesPerSecond: number): void {
    this.shape({ kind: 'trickle', bytes: Math.max(1, Math.round(bytesPerSecond / 50)), everyMs: 20 });
  }

  /** The open connections lead nowhere any more, for good, and nobody is told; new ones are fine. */
  deaden(directions: readonly Direction[] = BOTH): void {
    for (const connection of this.#connections) connection.deaden(directions);
  }

  /** Ends all open connections. */
  cut(how: End): void {
    for (const connection of this.#connections) connection.end(how);
  }

  /** Ends each open connection after so many more bytes of that direction. */
  cutAfter(bytes: number, direction: Direction, how: End): void {
    for (const connection of this.#connections) connection.cutAfter(bytes, direction, how);
  }

  /** Of the next replies of an API only the first bytes arrive; then the connection ends, or goes on without the rest. */
  cutReplies(apiKey: number, { passBytes = 0, then = 'go on' as End | 'go on', times = Infinity } = {}): void {
    this.#replyFaults.push({ apiKey, passBytes, then, times });
  }

  /** New connections are refused; open ones live on. */
  async refuse(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    // `close` stops listening at once and then waits for the connections, which may live on.
    server.close();
  }

  /** Listens again. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true, allowHalfOpen: true }, client => this.#take(client));
    this.#server = server;
    server.listen({ port: this.#port, host: '127.0.0.1' });
    await once(server, 'listening');
    const address = server.address();
    if (address !== null && typeof address !== 'string') this.#port = address.port;
  }

  /** New connections are accepted, and that is all; as a process does that was stopped. */
  silence(): void {
    this.#silent = true;
  }

  /** Takes back every fault; what was ended or dead stays so. Whoever was accepted in silence is reset. */
  async heal(): Promise<void> {
    this.#replyFaults.length = 0;
    if (this.#silent) for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#silent = false;
    this.shape(PASS);
    await this.accept();
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const connection of this.#connections) connection.end('rst');
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(client: Socket): void {
    this.#accepted += 1;
    if (this.#silent) {
      this.#sockets.add(client);
      client.on('error', () => undefined);
      client.on('close', () => this.#sockets.delete(client));
      client.on('end', () => client.destroy());
      client.resume();
      return;
    }
    const broker = connect({ host: '127.0.0.1', port: this.options.target, noDelay: true, allowHalfOpen: true });
    const connection = new ProxiedConnection(
      client,
      broker,
      this.#replyFaults,
      apiKey => this.#requests.set(apiKey, this.requestsOf(apiKey) + 1),
      () => this.#connections.delete(connection),
    );
    this.#connections.add(connection);
    for (const direction of BOTH) connection.shape(this.#ways[direction], direction);
  }
}
