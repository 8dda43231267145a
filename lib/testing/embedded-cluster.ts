import { Subject, type Observable, type Unsubscribable } from 'rxjs';
import { scanBatches } from '../records/batch-header';
import { buildBatch, type BatchOptions, type BatchRecord } from '../records/build-batch';
import { controlRecord } from '../records/control-record';
import { realRuntime } from '../runtime';
import type { Compression, Runtime, TopicPartition, TopicPartitionOffset, Transport } from '../types';
import { answerRequest, type BrokerEnvironment, type JournalEntry } from './broker';
import { ClusterState, type Partition } from './cluster-state';
import { compact } from './compaction';
import { Connections } from './connections';
import { FaultScript, type FaultEffect, type FaultMatch } from './faults';
import { listen, type ListenOptions } from './listen';
import { memoryTransport } from './memory-transport';
import { OpenTransaction } from './open-transaction';
import type { Endpoint } from './request-context';
import type { ServerSocket } from './server-socket';
import { batchesOf, readLog, toBatchRecord, type AppendedRecord, type LoggedRecord } from './stored-records';

/** How an embedded cluster is made. */
export interface EmbeddedClusterOptions {
  /** How many brokers; their ids count from 1. [1] */
  readonly brokers?: number;
  /** Time, turns of I/O and chance. [real ones] */
  readonly runtime?: Runtime;
  /** Topics to begin with, and how many partitions each has. */
  readonly topics?: Readonly<Record<string, number>>;
  /** Whether asking for a topic creates it, with one partition (`auto.create.topics.enable`). [true] */
  readonly autoCreateTopics?: boolean;
  /** Configs of the brokers, under Kafka's names. Known: `group.consumer.heartbeat.interval.ms` and `group.consumer.session.timeout.ms`. [Kafka's defaults] */
  readonly configs?: Readonly<Record<string, string>>;
  /** The rack of each broker in turn (`broker.rack`). With racks, consumers of a rack are sent to the replica there, and served by it (KIP-392). [none] */
  readonly racks?: readonly string[];
}

/** What to spread into `new Kafka(…)`. */
export interface EmbeddedClusterAccess {
  readonly brokers: readonly string[];
  readonly transport: Transport;
  readonly runtime: Runtime;
}

/** The port of the brokers in memory; no socket is behind it. */
const MEMORY_PORT = 9092;

/**
 * A Kafka cluster in this process: the real wire protocol with real codecs, logs in memory. `options` leads a client there
 * without a socket, in the runtime's time, virtual or real; `listen()` opens real ports to any client.
 *
 * ```ts
 * const cluster = new EmbeddedCluster({ topics: { orders: 3 } });
 * const kafka = new Kafka({ ...cluster.options, clientId: 'test' });
 * ```
 */
export class EmbeddedCluster {
  readonly options: EmbeddedClusterAccess;
  /** Hot: every request as the broker decoded it, also those that a fault then hits. Never completes. */
  readonly requests: Observable<JournalEntry>;

  private readonly state: ClusterState;
  private readonly faults = new FaultScript();
  private readonly connections = new Connections();
  private readonly journal = new Subject<JournalEntry>();
  private readonly environment: BrokerEnvironment;

  constructor(options: EmbeddedClusterOptions = {}) {
    const {
      brokers = 1,
      runtime = realRuntime,
      topics = {},
      autoCreateTopics = true,
      configs = {},
      racks = [],
    } = options;
    if (!Number.isInteger(brokers) || brokers < 1)
      throw new RangeError(`brokers must be a positive integer, not ${brokers}`);
    this.state = new ClusterState(runtime, brokers, autoCreateTopics, new Map(Object.entries(configs)), racks);
    this.requests = this.journal.asObservable();
    this.environment = { cluster: this.state, faults: this.faults, journal: entry => this.journal.next(entry) };
    const transport = memoryTransport(runtime, (host, port, open) => {
      const broker = this.state.brokerIds.find(id => memoryEndpoint(id).host === host && port === MEMORY_PORT);
      if (broker === undefined) return 'ENOTFOUND';
      if (!this.state.isUp(broker)) return 'ECONNREFUSED';
      this.accept(broker, open(), memoryEndpoint);
      return undefined;
    });
    const addresses = this.state.brokerIds.map(id => `${memoryEndpoint(id).host}:${MEMORY_PORT}`);
    this.options = Object.freeze({ brokers: Object.freeze(addresses), transport, runtime });
    for (const [topic, partitions] of Object.entries(topics)) this.createTopic(topic, partitions);
  }

  /**
   * Opens one port per broker, of the system's choice or counted from `port`, and emits the addresses once: `host:port,host:port`. Stays open until
   * unsubscribed; then its connections are cut. Errors when a port cannot be had. The logs are the same as in memory.
   */
  listen(options: ListenOptions = {}): Observable<string> {
    return listen(this.state, (broker, socket, endpointOf) => this.accept(broker, socket, endpointOf), options);
  }

  /** Creates a topic, or throws if there is one of that name. `configs` known: `max.message.bytes`, `message.timestamp.type`. */
  createTopic(topic: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): void {
    if (this.state.topics.has(topic)) throw new RangeError(`There is a topic ${topic} already`);
    this.state.createTopic(topic, partitions, new Map(Object.entries(configs)));
  }

  /** Deletes a topic with its records and what groups committed for it. */
  deleteTopic(topic: string): void {
    const found = this.state.topics.get(topic);
    if (found === undefined) throw new RangeError(`The embedded cluster has no topic ${topic}`);
    this.state.deleteTopic(found);
  }

  /** Raises the number of partitions of a topic to `total`. */
  createPartitions(topic: string, total: number): void {
    const { partitions } = this.find({ topic, partition: 0 }).topic;
    if (total < partitions.length) throw new RangeError(`Topic ${topic} has ${partitions.length} partitions already`);
    this.state.createPartitions(topic, total);
  }

  /**
   * Appends records as a producer would, in one batch up to a megabyte. With `transaction` they are transactional and
   * their marker follows at once: what was `aborted` is in the log, but not for `read_committed`.
   */
  append(
    topic: string,
    partition: number,
    records: readonly AppendedRecord[],
    options: { readonly compression?: Compression; readonly transaction?: 'committed' | 'aborted' } = {},
  ): void {
    const target = this.find({ topic, partition });
    const now = this.state.runtime.scheduler.now();
    const { compression = 'none', transaction } = options;
    const producer = transaction === undefined ? {} : { ...this.state.producers.fresh(), transactional: true };
    let baseSequence = transaction === undefined ? -1 : 0;
    for (const batch of batchesOf(records.map(record => toBatchRecord(record, now)))) {
      this.store(target, batch, { ...producer, compression, baseSequence });
      if (transaction !== undefined) baseSequence += batch.length;
    }
    if (transaction !== undefined) {
      this.store(target, [controlRecord(transaction === 'committed' ? 'commit' : 'abort', now)], {
        ...producer,
        control: true,
      });
    }
    this.state.appended(target);
  }

  /** A producer whose transactions stay open until they are ended, so that others can write in between. */
  transaction(): OpenTransaction {
    return new OpenTransaction(this.state, where => this.find(where));
  }

  /** The records of a partition's log, decoded; aborted ones too, markers not. */
  log(topic: string, partition: number): readonly LoggedRecord[] {
    return [...readLog(this.find({ topic, partition }).log, { topic, partition })];
  }

  /** Drops the records below an offset, as retention does: reading there is then OFFSET_OUT_OF_RANGE. */
  deleteRecords(partition: TopicPartition, before: bigint): void {
    this.find(partition).log.deleteBefore(before);
  }

  /**
   * Drops the records from an offset on, as an unclean election does: the leader is in a new epoch, and who had read them learns of it by
   * OffsetForLeaderEpoch and Fetch (KIP-320).
   */
  truncate(partition: TopicPartition, toOffset: bigint): void {
    this.state.truncate(this.find(partition), toOffset);
  }

  /** Compacts a log: of each key the last record stays; offsets do not change, so there are holes, and batches without records. */
  compact(partition: TopicPartition): void {
    compact(this.find(partition).log, partition);
  }

  /** What a group has committed. */
  committed(group: string): readonly TopicPartitionOffset[] {
    return this.state.offsets.all(group).map(({ topic, partition, offset }) => ({ topic, partition, offset }));
  }

  /** Scripts a fault; `unsubscribe` heals it. */
  fault(match: FaultMatch, effect: FaultEffect): Unsubscribable {
    return this.faults.add(match, effect);
  }

  /** Cuts all connections to a broker (RST); it takes new ones. */
  disconnect(broker: number): void {
    this.connections.endAll(this.known(broker), 'reset');
  }

  /** Stops a broker: its connections end (FIN), new ones are refused, others lead and coordinate in its place where there are any. */
  stop(broker: number): void {
    this.state.stopBroker(this.known(broker));
    this.connections.endAll(broker, 'end');
  }

  /** Starts a stopped broker, with the log it had. */
  start(broker: number): void {
    this.state.startBroker(this.known(broker));
  }

  /** Makes another broker the leader of a partition, in a new leader epoch. */
  moveLeader(partition: TopicPartition, toBroker: number): void {
    this.state.moveLeader(this.find(partition), this.known(toBroker));
  }

  moveCoordinator(of: { readonly group: string } | { readonly transaction: string }, toBroker: number): void {
    const broker = this.known(toBroker);
    if ('group' in of) this.state.moveCoordinator('group', of.group, broker);
    else this.state.moveCoordinator('transaction', of.transaction, broker);
  }

  /** Makes the members of a group join again, as when somebody joins or leaves; those of a KIP-848 group only go on to a new epoch. */
  rebalance(group: string): void {
    const found = this.state.groups.get(group);
    if (found === undefined) throw new RangeError(`The embedded cluster has no group ${group}`);
    found.rebalance();
  }

  private accept(broker: number, socket: ServerSocket, endpointOf: (broker: number) => Endpoint): void {
    this.connections.accept(broker, socket, (frame, gone) =>
      answerRequest(this.environment, broker, frame, { endpointOf, gone }),
    );
  }

  private store(target: Partition, records: readonly BatchRecord[], options: BatchOptions): void {
    const batch = buildBatch(records, options);
    target.log.append(batch, scanBatches(batch)[0]!, target.leaderEpoch);
  }

  private find({ topic, partition }: TopicPartition): Partition {
    const found = this.state.partition(topic, partition);
    if (found === undefined) throw new RangeError(`The embedded cluster has no partition ${topic}-${partition}`);
    return found;
  }

  private known(broker: number): number {
    if (!this.state.brokerIds.includes(broker)) throw new RangeError(`The embedded cluster has no broker ${broker}`);
    return broker;
  }
}

function memoryEndpoint(broker: number): Endpoint {
  return { host: `embedded-${broker}`, port: MEMORY_PORT };
}
