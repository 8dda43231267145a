import type { DecodedRequestOf, ResponseInputOf } from '../protocol/api';
import type { Fetch } from '../protocol/apis/fetch';

type FetchRequest = DecodedRequestOf<typeof Fetch>;
type TopicResponse = ResponseInputOf<typeof Fetch>['responses'][number];
type AskedTopic = FetchRequest['topics'][number];
type AskedPartition = AskedTopic['partitions'][number];
type PartitionResponse = TopicResponse['partitions'][number];

/** A partition that a session asks for again and again, and what was last told about it. */
interface Watched {
  readonly topic: string;
  readonly topicId: string;
  asked: AskedPartition;
  highWatermark: bigint;
  logStartOffset: bigint;
}

const LAST_EPOCH = 0x7fff_ffff;

/** A broker's memory of what one consumer fetches (KIP-227): requests tell what changed, and so do answers. */
export class FetchSession {
  /** Of the next request. */
  epoch = 1;
  private readonly watched = new Map<string, Watched>();

  constructor(
    readonly id: number,
    /** Topics go by id, from v13 on; a session does not change over. */
    readonly byId: boolean,
    request: FetchRequest,
  ) {
    this.ask(request);
  }

  get isEmpty(): boolean {
    return this.watched.size === 0;
  }

  /** The next request: partitions that are new, changed or no longer wanted. */
  update(request: FetchRequest): void {
    this.epoch = this.epoch === LAST_EPOCH ? 1 : this.epoch + 1;
    this.ask(request);
    for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
      for (const partition of partitions) this.watched.delete(this.keyOf(topic, topicId, partition));
    }
  }

  /** Everything that the session asks for; who was last served longest ago comes first. */
  topics(): AskedTopic[] {
    const topics: { topic: string; topicId: string; partitions: AskedPartition[] }[] = [];
    for (const { topic, topicId, asked } of this.watched.values()) {
      const last = topics.at(-1);
      if (last?.topic === topic && last.topicId === topicId) last.partitions.push(asked);
      else topics.push({ topic, topicId, partitions: [asked] });
    }
    return topics;
  }

  /** What the answer must tell: all in the first, later only what is news. */
  news(responses: readonly TopicResponse[], first: boolean): TopicResponse[] {
    const told = responses.map(answer => ({
      ...answer,
      partitions: answer.partitions.filter(partition => this.isNews(answer, partition) || first),
    }));
    return told.filter(({ partitions }) => partitions.length > 0);
  }

  private ask(request: FetchRequest): void {
    for (const { topic, topicId, partitions } of request.topics) {
      for (const asked of partitions) {
        const key = this.keyOf(topic, topicId, asked.partition);
        const known = this.watched.get(key);
        if (known !== undefined) known.asked = asked;
        else this.watched.set(key, { topic, topicId, asked, highWatermark: -1n, logStartOffset: -1n });
      }
    }
  }

  private isNews({ topic, topicId }: TopicResponse, answer: PartitionResponse): boolean {
    const key = this.keyOf(topic ?? '', topicId ?? '', answer.partitionIndex);
    const watched = this.watched.get(key);
    if (watched === undefined) return false;
    const { highWatermark, logStartOffset = -1n, records } = answer;
    const moved = highWatermark !== watched.highWatermark || logStartOffset !== watched.logStartOffset;
    // An error says -1, so that the next good answer is news, too.
    watched.highWatermark = highWatermark;
    watched.logStartOffset = logStartOffset;
    const filled = records !== null && records.length > 0;
    if (filled) {
      this.watched.delete(key);
      this.watched.set(key, watched);
    }
    const elsewhere = (answer.preferredReadReplica ?? -1) >= 0 || (answer.divergingEpoch?.endOffset ?? -1n) >= 0n;
    return filled || moved || elsewhere || answer.errorCode !== 0;
  }

  private keyOf(topic: string, topicId: string, partition: number): string {
    return `${this.byId ? topicId : topic} ${partition}`;
  }
}
