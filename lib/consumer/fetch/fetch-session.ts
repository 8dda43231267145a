import { ZERO_ID } from '../../cluster/metadata';
import type { TopicMetadata } from '../../cluster/metadata';
import type { Connection } from '../../network/connection';
import type { RequestOf } from '../../protocol/api';
import type { Fetch } from '../../protocol/apis/fetch';
import type { PartitionState } from '../partition-state';
import type { FetchContext } from './fetch-context';
import type { FetchPlan } from './fetch-plan';

/** The last version in which topics go by name. */
const LAST_VERSION_BY_NAME = 12;

/**
 * From so many partitions on a session is worth one of the broker's slots (it has 1,000 for all its consumers): below, a request
 * is smaller than a packet anyway.
 */
const WORTH_A_SESSION = 16;

/** Epochs with a meaning of their own: there is no session (or no more), and one is to be opened. */
const NO_SESSION = -1;
const OPENING = 0;
const LAST_EPOCH = 0x7fff_ffff;

/** A partition as it was asked for. */
export interface AskedPartition {
  state: PartitionState;
  /** `ZERO_ID` = unknown. */
  readonly topicId: string;
  /** Its `turn` at that time; a response counts only while it still is the same. */
  turn: number;
  offset: bigint;
  fetchedEpoch: number;
  leaderEpoch: number;
  /** The last request that was for it, too. */
  round: number;
}

/** A request that is about to leave. */
export interface FetchRequest {
  readonly body: RequestOf<typeof Fetch>;
  /** `undefined` = no limit. By name only, unless the id of every topic is known. */
  readonly maxVersion: number | undefined;
}

interface AskedTopic {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: Map<number, AskedPartition>;
}

type Topics = RequestOf<typeof Fetch>['topics'];
type AskedList = Topics[number]['partitions'][number][];

/**
 * What one broker has been asked for, and the fetch session there (KIP-227): once it is open, requests tell only what is new or has
 * changed, and what is not wanted any more, and answers only what there is to tell. A partition that an answer lacks is unchanged.
 * Without one each request tells everything, which is all the same to whoever uses this.
 *
 * A session belongs to one connection, where answers come in the order of requests. Whatever is in doubt (a refusal, a lost
 * answer, another connection, a topic of another id) opens a new one: the first request of it is complete.
 */
export class FetchSession {
  /** The broker's name for it; 0 = there is none. */
  private id = 0;
  /** Of the next request; `OPENING` = what the broker remembers does not count. */
  private epoch = OPENING;
  /** The last request, if it was complete, asked for a session. */
  private wanted = false;
  private connection: Connection | undefined;
  private byId = true;
  private round = 0;
  private size = 0;
  private readonly byName = new Map<string, AskedTopic>();
  private readonly byTopicId = new Map<string, AskedTopic>();

  /** Nothing is known of what the broker has heard and told. */
  reset(): void {
    this.epoch = OPENING;
    this.forgetAll();
  }

  /** What was asked of a partition that an answer names. */
  find(topic: string, topicId: string, partition: number): AskedPartition | undefined {
    return (topic !== '' ? this.byName.get(topic) : this.byTopicId.get(topicId))?.partitions.get(partition);
  }

  /** Writes the next request. Each partition's `turn` moves on: an earlier request that is still out loses its claim. */
  next(context: FetchContext, plan: FetchPlan, connection: Connection): FetchRequest {
    const { cluster, options } = context;
    const known = topicsOf(plan.partitions, cluster.metadata.topics);
    const byId = [...known.values()].every(topic => idOf(topic) !== ZERO_ID);
    if (connection !== this.connection || byId !== this.byId || this.isAnotherTopic(known)) this.reset();
    this.connection = connection;
    this.byId = byId;
    const { id: sessionId } = this;
    if (this.epoch === OPENING) this.forgetAll();
    this.wanted = plan.partitions.length >= WORTH_A_SESSION;
    const sessionEpoch = this.epoch === OPENING && !this.wanted ? NO_SESSION : this.epoch;
    return {
      maxVersion: byId ? undefined : LAST_VERSION_BY_NAME,
      body: {
        maxWaitMs: plan.maxWaitMs,
        minBytes: options.fetch.minBytes,
        maxBytes: plan.maxBytes,
        isolationLevel: options.isolation === 'read_committed' ? 1 : 0,
        sessionId,
        sessionEpoch,
        topics: this.changes(plan.partitions, known, options.fetch.partitionBytes),
        forgottenTopicsData: this.forgotten(plan.partitions.length),
        rackId: plan.rackId,
      },
    };
  }

  /** A good answer came, of the session that it names. */
  answered(sessionId: number): void {
    const opened = this.epoch === OPENING && this.wanted && sessionId !== 0;
    const continued = this.epoch !== OPENING && sessionId === this.id;
    this.id = opened || continued ? sessionId : 0;
    if (!opened && !continued) this.epoch = OPENING;
    else this.epoch = this.epoch === LAST_EPOCH ? 1 : this.epoch + 1;
  }

  /** The broker refused the request. `true` = it may be for the session's sake: to ask again, completely and at once, may be all that is needed. */
  refused(): boolean {
    const continued = this.epoch !== OPENING;
    this.reset();
    return continued;
  }

  private changes(
    states: readonly PartitionState[],
    known: ReadonlyMap<string, TopicMetadata | undefined>,
    partitionMaxBytes: number,
  ): Topics {
    const lists = new Map<string, AskedList>();
    const topics: Topics[number][] = [];
    const round = ++this.round;
    let name: string | undefined;
    let topic!: AskedTopic;
    let metadata: TopicMetadata | undefined;
    let list: AskedList | undefined;
    for (const state of states) {
      if (state.topic !== name) {
        name = state.topic;
        metadata = known.get(name);
        topic = this.topic(name, idOf(metadata));
        list = lists.get(name);
      }
      const { partition, offset, lastFetchedEpoch } = state;
      const leaderEpoch = metadata?.partitions[partition]?.leaderEpoch ?? -1;
      state.turn++;
      // Until an answer says otherwise: one that lacks it brings nothing.
      state.idle = true;
      let asked = topic.partitions.get(partition);
      if (asked === undefined) {
        asked = { state, topicId: topic.topicId, turn: 0, offset: -1n, fetchedEpoch: -1, leaderEpoch: -1, round };
        topic.partitions.set(partition, asked);
        this.size++;
      }
      asked.state = state;
      asked.turn = state.turn;
      asked.round = round;
      if (asked.offset === offset && asked.leaderEpoch === leaderEpoch && asked.fetchedEpoch === lastFetchedEpoch)
        continue;
      asked.offset = offset;
      asked.leaderEpoch = leaderEpoch;
      asked.fetchedEpoch = lastFetchedEpoch;
      if (list === undefined) {
        lists.set(name, (list = []));
        topics.push({ topic: name, topicId: topic.topicId, partitions: list });
      }
      list.push({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: offset,
        lastFetchedEpoch,
        partitionMaxBytes,
      });
    }
    return topics;
  }

  /** What the session has, and this request is not for. */
  private forgotten(wanted: number): { topic: string; topicId: string; partitions: number[] }[] {
    const forgotten: { topic: string; topicId: string; partitions: number[] }[] = [];
    if (this.size === wanted) return forgotten;
    for (const { topic, topicId, partitions } of this.byName.values()) {
      const gone: number[] = [];
      for (const [partition, { round }] of partitions) if (round !== this.round) gone.push(partition);
      if (gone.length === 0) continue;
      for (const partition of gone) partitions.delete(partition);
      this.size -= gone.length;
      if (partitions.size === 0) {
        this.byName.delete(topic);
        this.byTopicId.delete(topicId);
      }
      forgotten.push({ topic, topicId, partitions: gone });
    }
    return forgotten;
  }

  private topic(topic: string, topicId: string): AskedTopic {
    const known = this.byName.get(topic);
    if (known !== undefined) return known;
    const made: AskedTopic = { topic, topicId, partitions: new Map() };
    this.byName.set(topic, made);
    if (topicId !== ZERO_ID) this.byTopicId.set(topicId, made);
    return made;
  }

  private isAnotherTopic(known: ReadonlyMap<string, TopicMetadata | undefined>): boolean {
    if (this.epoch === OPENING) return false;
    for (const [name, metadata] of known) {
      const asked = this.byName.get(name);
      if (asked !== undefined && asked.topicId !== idOf(metadata)) return true;
    }
    return false;
  }

  private forgetAll(): void {
    this.byName.clear();
    this.byTopicId.clear();
    this.size = 0;
  }
}

function topicsOf(
  states: readonly PartitionState[],
  topics: ReadonlyMap<string, TopicMetadata>,
): ReadonlyMap<string, TopicMetadata | undefined> {
  const found = new Map<string, TopicMetadata | undefined>();
  let last: string | undefined;
  for (const { topic } of states) if (topic !== last) found.set((last = topic), topics.get(topic));
  return found;
}

const idOf = (topic: TopicMetadata | undefined): string => topic?.topicId ?? ZERO_ID;
