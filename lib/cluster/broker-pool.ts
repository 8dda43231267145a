import { BehaviorSubject, Observable } from 'rxjs';
import { ClosedError, ConnectionError } from '../errors';
import type { KafkaError } from '../errors';
import type { ConnectOptions, Connection } from '../network/connection';
import type { ClientOptions } from '../options';
import type { BrokerAddress, ConnectionStatus, EventSink, Purpose } from '../types';
import type { BrokerNode } from './metadata';
import { Slot } from './slot';

/**
 * All sockets of the client: a slot per (broker, owner, purpose). Slots of one address back off together, and by themselves
 * from those of others, so a dead broker is not asked more for being used more, and never delays another. Brokers that leave the cluster, or move to another address, lose their slots.
 */
export class BrokerPool {
  readonly #client: ClientOptions;
  readonly #emit: EventSink;
  readonly #onLost: (broker: BrokerAddress) => void;
  readonly #verify: NonNullable<ConnectOptions['authenticate']>;
  readonly #slots = new Map<string, Slot>();
  #nodes: ReadonlyMap<number, BrokerNode> = new Map();
  readonly #statuses = new BehaviorSubject<readonly ConnectionStatus[]>([]);
  #closed = false;

  /**
   * `onLost` is called whenever a connection was lost or could not be made: metadata may be out of date. `verify` is asked of each
   * new connection before it is used; its error ends it.
   */
  constructor(
    client: ClientOptions,
    emit: EventSink,
    onLost: (broker: BrokerAddress) => void,
    verify: NonNullable<ConnectOptions['authenticate']>,
  ) {
    this.#client = client;
    this.#emit = emit;
    this.#onLost = onLost;
    this.#verify = verify;
  }

  /** Replays the current list; one entry per slot in use. Completes when the pool is closed. */
  get statuses(): Observable<readonly ConnectionStatus[]> {
    return this.#statuses.asObservable();
  }

  /** Takes over the brokers of a new snapshot and closes the slots of those that are gone or moved. */
  update(nodes: ReadonlyMap<number, BrokerNode>): void {
    if (nodes === this.#nodes) return;
    this.#nodes = nodes;
    for (const [key, slot] of this.#slots) {
      const { nodeId, host, port } = slot.broker;
      if (nodeId === undefined) continue;
      const now = nodes.get(nodeId);
      if (now === undefined || now.host !== host || now.port !== port) this.#drop(key, slot, movedOn(slot.broker));
    }
  }

  /** Emits a live connection of the slot and completes; errors when the attempt under way fails. See `Slot.acquire`. */
  connection(nodeId: number, owner: string, purpose: Purpose): Observable<Connection> {
    return new Observable(subscriber => {
      const node = this.#nodes.get(nodeId);
      if (node !== undefined)
        return this.#slot({ host: node.host, port: node.port, nodeId }, owner, purpose).acquire().subscribe(subscriber);
      const unknown = { host: 'unknown', port: 0, nodeId };
      const message = `node ${nodeId} is not among the brokers of the cluster at the moment`;
      // Whoever named it, a leader or a coordinator, knows of a broker that our metadata lacks.
      this.#onLost(unknown);
      subscriber.error(new ConnectionError(unknown, 'broken', message));
      return undefined;
    });
  }

  /** As `connection`, to a bootstrap address: which node answers there is not known. */
  bootstrap(address: BrokerAddress): Observable<Connection> {
    return new Observable(subscriber => this.#slot(address, 'client', 'client').acquire().subscribe(subscriber));
  }

  /**
   * Closes the connections to bootstrap addresses: the brokers are known by now. One with requests in flight stays until the next
   * time: cut off, they would be repeated, although the broker may have executed them.
   */
  releaseBootstrap(): void {
    for (const [key, slot] of this.#slots)
      if (slot.broker.nodeId === undefined && (slot.connection?.inFlight ?? 0) === 0)
        this.#drop(key, slot, movedOn(slot.broker));
  }

  /** Closes every slot of an owner. */
  release(owner: string): void {
    for (const [key, slot] of this.#slots) if (key.endsWith(`|${owner}`)) this.#drop(key, slot, closed(slot.broker));
  }

  /** Whether any slot of a node cannot connect at the moment: its other connections may be dead without knowing. */
  isDoubtful(nodeId: number): boolean {
    for (const slot of this.#slots.values()) if (slot.broker.nodeId === nodeId && slot.failing) return true;
    return false;
  }

  /** The client's own slot of a node, when it is in use. */
  clientSlot(nodeId: number): Slot | undefined {
    const node = this.#nodes.get(nodeId);
    return node && this.#slots.get(keyOf({ host: node.host, port: node.port, nodeId }, 'client', 'client'));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const [key, slot] of this.#slots) this.#drop(key, slot, closed(slot.broker));
    this.#statuses.complete();
  }

  #slot(broker: BrokerAddress, owner: string, purpose: Purpose): Slot {
    if (this.#closed) throw new ClosedError('the client was closed; make a new Kafka');
    const key = keyOf(broker, owner, purpose);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new Slot(broker, owner, purpose, {
        client: this.#client,
        emit: this.#emit,
        authenticate: this.#verify,
        onStatus: () => this.#publish(),
        onLost: this.#onLost,
        onTried: (tried, error) => this.#tell(tried, error),
      });
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #tell(tried: Slot, error: unknown): void {
    const { host, port } = tried.broker;
    for (const slot of [...this.#slots.values()])
      if (slot !== tried && slot.broker.host === host && slot.broker.port === port) slot.siblingTried(tried, error);
  }

  #drop(key: string, slot: Slot, why: KafkaError): void {
    this.#slots.delete(key);
    slot.close(why);
  }

  #publish(): void {
    const statuses: ConnectionStatus[] = [];
    for (const slot of this.#slots.values()) if (slot.status !== undefined) statuses.push(slot.status);
    this.#statuses.next(statuses);
  }
}

/** Nobody closed anything: who waits shall look again where to go, so this is a fault like any lost connection. */
function movedOn(broker: BrokerAddress): KafkaError {
  return new ConnectionError(broker, 'shutdown', 'the cluster no longer has this broker at this address');
}

function closed({ host, port }: BrokerAddress): KafkaError {
  return new ClosedError(`the connection to ${host}:${port} was closed`);
}

function keyOf(broker: BrokerAddress, owner: string, purpose: Purpose): string {
  return `${broker.nodeId ?? `${broker.host}:${broker.port}`}|${purpose}|${owner}`;
}
