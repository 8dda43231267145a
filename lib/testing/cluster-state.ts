import { Subject, type Observable } from 'rxjs';
import type { Runtime } from '../types';
import { FetchSessions } from './fetch-sessions';
import { GroupOffsets } from './group-offsets';
import { Groups } from './groups/groups';
import { PartitionLog } from './log';
import { ProducerIds } from './producer-ids';

/** How many replicas a partition has where there are brokers enough. */
const REPLICATION_FACTOR = 3;
/** Kafka's default for `max.message.bytes`. */
const MAX_MESSAGE_BYTES = 1_048_588;

/** One partition: its log, and who leads it. `leader` -1 = no replica is up. */
export interface Partition {
  readonly topic: Topic;
  readonly index: number;
  readonly log: PartitionLog;
  readonly replicas: readonly number[];
  leader: number;
  leaderEpoch: number;
}

/** A topic and its partitions. */
export interface Topic {
  readonly name: string;
  readonly id: string;
  readonly partitions: Partition[];
  readonly configs: ReadonlyMap<string, string>;
  readonly maxMessageBytes: number;
  readonly logAppendTime: boolean;
}

/** What all brokers of the cluster agree on. They share the logs, too, so a new leader has all that the old one had. */
export class ClusterState {
  readonly clusterId: string;
  readonly brokerIds: readonly number[];
  readonly topics = new Map<string, Topic>();
  readonly offsets = new GroupOffsets();
  readonly groups: Groups;
  readonly producers = new ProducerIds();
  private ids = 0;
  private readonly sessions = new Map<number, FetchSessions>();
  private readonly names = new Map<string, string>();
  private readonly stopped = new Set<number>();
  private readonly coordinators = new Map<string, number>();
  private readonly changed = new Subject<Partition | undefined>();
  private readonly availability = new Subject<{ readonly broker: number; readonly up: boolean }>();

  constructor(
    readonly runtime: Runtime,
    brokers: number,
    readonly autoCreateTopics: boolean,
    readonly configs: ReadonlyMap<string, string> = new Map(),
    private readonly racks: readonly string[] = [],
  ) {
    this.brokerIds = Array.from({ length: brokers }, (_, index) => index + 1);
    this.clusterId = this.uuid();
    this.groups = new Groups(runtime, this.topics, {
      heartbeatIntervalMs: Number(configs.get('group.consumer.heartbeat.interval.ms') ?? 5000),
      sessionTimeoutMs: Number(configs.get('group.consumer.session.timeout.ms') ?? 45_000),
    });
  }

  /** What long polls wait for: records, or a new leader, of a partition; `undefined` = look at everything. */
  get changes(): Observable<Partition | undefined> {
    return this.changed;
  }

  /** Brokers that went up or down. */
  get brokerChanges(): Observable<{ readonly broker: number; readonly up: boolean }> {
    return this.availability;
  }

  get liveBrokers(): readonly number[] {
    return this.brokerIds.filter(id => !this.stopped.has(id));
  }

  get controllerId(): number {
    return this.liveBrokers[0] ?? -1;
  }

  isUp(broker: number): boolean {
    return !this.stopped.has(broker);
  }

  topicById(id: string): Topic | undefined {
    const name = this.names.get(id);
    return name === undefined ? undefined : this.topics.get(name);
  }

  partition(topic: string, index: number): Partition | undefined {
    return this.topics.get(topic)?.partitions[index];
  }

  createTopic(name: string, partitions: number, configs: ReadonlyMap<string, string> = new Map()): Topic {
    const topic: Topic = {
      name,
      id: this.uuid(),
      partitions: [],
      configs,
      maxMessageBytes: Number(configs.get('max.message.bytes') ?? MAX_MESSAGE_BYTES),
      logAppendTime: configs.get('message.timestamp.type') === 'LogAppendTime',
    };
    this.topics.set(name, topic);
    this.names.set(topic.id, name);
    this.createPartitions(name, partitions, this.topics.size - 1);
    return topic;
  }

  /** Adds partitions up to `total`. `first` says which broker gets the first replica of partition 0. */
  createPartitions(name: string, total: number, first = 0): void {
    const topic = this.topics.get(name)!;
    for (let index = topic.partitions.length; index < total; index++) {
      const replicas = this.replicasOf(first + index);
      const leader = replicas.find(id => this.isUp(id)) ?? -1;
      const log = new PartitionLog();
      log.epochs.begin(0, 0n);
      topic.partitions.push({ topic, index, log, replicas, leader, leaderEpoch: 0 });
    }
  }

  deleteTopic(topic: Topic): void {
    this.topics.delete(topic.name);
    this.names.delete(topic.id);
    this.offsets.forgetTopic(topic.id);
    this.changed.next(undefined);
  }

  /** The fetch sessions of a broker. */
  fetchSessions(broker: number): FetchSessions {
    let sessions = this.sessions.get(broker);
    if (sessions === undefined) this.sessions.set(broker, (sessions = new FetchSessions(() => this.runtime.random())));
    return sessions;
  }

  rackOf(broker: number): string | null {
    return this.racks[this.brokerIds.indexOf(broker)] ?? null;
  }

  /** Tells the long polls that the partition has more records. */
  appended(partition: Partition): void {
    this.changed.next(partition);
  }

  moveLeader(partition: Partition, broker: number): void {
    partition.leader = broker;
    partition.leaderEpoch++;
    partition.log.epochs.begin(partition.leaderEpoch, partition.log.endOffset);
    this.changed.next(partition);
  }

  /** Loses the end of a log, as when a replica that was behind takes over: the leader begins a new epoch. */
  truncate(partition: Partition, toOffset: bigint): void {
    partition.log.truncate(toOffset);
    this.moveLeader(partition, partition.leader);
  }

  /** Takes a broker down: what it led goes to the next live replica, or stays without leader. */
  stopBroker(broker: number): void {
    if (this.stopped.has(broker)) return;
    this.movingCoordinators(() => this.stopped.add(broker));
    this.sessions.delete(broker);
    for (const partition of this.partitions()) {
      if (partition.leader === broker) this.moveLeader(partition, partition.replicas.find(id => this.isUp(id)) ?? -1);
    }
    this.availability.next({ broker, up: false });
  }

  /** Brings a broker back: it leads what nobody else could. */
  startBroker(broker: number): void {
    if (!this.stopped.has(broker)) return;
    this.movingCoordinators(() => this.stopped.delete(broker));
    for (const partition of this.partitions()) {
      if (partition.leader === -1 && partition.replicas.includes(broker)) this.moveLeader(partition, broker);
    }
    this.availability.next({ broker, up: true });
  }

  /** The broker that coordinates a group or a transactional id: where it was moved to, else by its hash; -1 when all are down. */
  coordinator(kind: 'group' | 'transaction', key: string): number {
    const moved = this.coordinators.get(`${kind} ${key}`);
    if (moved !== undefined && this.isUp(moved)) return moved;
    const live = this.liveBrokers;
    return live.length === 0 ? -1 : live[hash(key) % live.length]!;
  }

  moveCoordinator(kind: 'group' | 'transaction', key: string, broker: number): void {
    this.movingCoordinators(() => this.coordinators.set(`${kind} ${key}`, broker));
  }

  /** Does what may move coordinators, and tells the groups whose coordinator did move. */
  private movingCoordinators(change: () => void): void {
    const before = this.groups.all.map(group => ({ group, coordinator: this.coordinator('group', group.id) }));
    change();
    for (const { group, coordinator } of before) {
      if (this.coordinator('group', group.id) !== coordinator) group.coordinatorMoved();
    }
  }

  private *partitions(): Iterable<Partition> {
    for (const topic of this.topics.values()) yield* topic.partitions;
  }

  private replicasOf(first: number): readonly number[] {
    const count = Math.min(REPLICATION_FACTOR, this.brokerIds.length);
    return Array.from({ length: count }, (_, index) => this.brokerIds[(first + index) % this.brokerIds.length]!);
  }

  private uuid(): string {
    const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(this.runtime.random() * 256)));
    // Never the zero id, which means "none", nor one that begins like an option of Kafka's tools.
    bytes[0] = (bytes[0]! & 0x7f) | 0x40;
    // Where chance is scripted it may always say the same; topics of one id would be one topic.
    bytes.writeUInt32BE((bytes.readUInt32BE(12) ^ this.ids++) >>> 0, 12);
    return bytes.toString('base64url');
  }
}

function hash(text: string): number {
  let value = 0;
  for (let index = 0; index < text.length; index++) value = (Math.imul(value, 31) + text.charCodeAt(index)) >>> 0;
  return value;
}
