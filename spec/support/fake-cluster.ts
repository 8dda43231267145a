import { BehaviorSubject, NEVER, Observable, Subject, defer, of, startWith, takeUntil } from 'rxjs';
import type { Subscriber } from 'rxjs';
import type { Cluster } from '../../lib/cluster/cluster';
import type { MetadataSnapshot, PartitionMetadata, TopicMetadata } from '../../lib/cluster/metadata';
import { retrying } from '../../lib/cluster/retry';
import { ConnectionError } from '../../lib/errors';
import type { Connection } from '../../lib/network/connection';
import { resolveClientOptions } from '../../lib/options';
import type { AnyApi } from '../../lib/protocol/api';
import { realRuntime } from '../../lib/runtime';
import type { KafkaEventBody, Runtime } from '../../lib/types';

/** A request that the client made and nobody has answered yet. */
export interface FakeRequest {
  readonly nodeId: number;
  readonly api: string;
  readonly body: any;
  readonly options: any;
  reply(response: unknown): void;
  fail(error: unknown): void;
}

export interface FakeClusterOptions {
  /** Topics and how many partitions each has; partition p is led by node p modulo `nodes`. */
  readonly topics: Readonly<Record<string, number>>;
  readonly nodes?: number;
  readonly runtime?: Runtime;
  /** Answers a request at once; without it, or when it gives `undefined`, the request waits in `requests`. */
  readonly answer?: (request: FakeRequest) => unknown;
}

/** A `Cluster` whose brokers are a script: no network, no protocol, every answer in the spec's hand. */
export class FakeCluster {
  readonly events: KafkaEventBody[] = [];
  /** Unanswered, oldest first. */
  readonly requests: FakeRequest[] = [];
  readonly released: string[] = [];
  refreshes = 0;
  readonly cluster: Cluster;
  readonly #snapshots: BehaviorSubject<MetadataSnapshot>;
  readonly #cuts = new Map<number, Subject<void>>();
  readonly #options: FakeClusterOptions;

  constructor(options: FakeClusterOptions) {
    this.#options = options;
    const { topics, nodes = 1, runtime = realRuntime } = options;
    this.#snapshots = new BehaviorSubject<MetadataSnapshot>({
      at: 0,
      clusterId: 'fake',
      controllerId: 0,
      brokers: new Map(
        Array.from({ length: nodes }, (_, nodeId) => [nodeId, { nodeId, host: `n${nodeId}`, port: 1, rack: null }]),
      ),
      topics: new Map(Object.entries(topics).map(([name, count]) => [name, topicOf(name, count, nodes)])),
      topicNames: new Map(),
    });
    const snapshots = this.#snapshots;
    const fake = this;
    this.cluster = {
      runtime,
      emit: event => this.events.push(event),
      options: resolveClientOptions({ brokers: 'n0:1', runtime }, { runtime, transport: () => NEVER }),
      trouble: undefined,
      get metadata() {
        return snapshots.value;
      },
      snapshots,
      topics: () => defer(() => of(snapshots.value)),
      refresh: () => void (this.refreshes += 1),
      leaderHint: ({ topic, partition }, leader) => this.lead(topic, partition, leader),
      connection: nodeId => defer(() => of(fake.#connection(nodeId))),
      request: (api: AnyApi, body: unknown) => fake.#request(-1, api, body, {}) as Observable<any>,
      retried: (api, timeoutMs = 60_000) =>
        retrying({
          api,
          timeoutMs,
          runtime,
          emit: event => this.events.push(event),
          backoff: { baseMs: 100, maxMs: 1_000 },
          onRetry: () => void (this.refreshes += 1),
        }),
      coordinator: () => NEVER,
      forgetCoordinator: () => undefined,
      release: owner => void this.released.push(owner),
      connections: of([]),
      close: () => undefined,
    };
  }

  /** Changes the leader of a partition, as new metadata would. */
  lead(topic: string, partition: number, leader: number): void {
    const before = this.#snapshots.value;
    const known = before.topics.get(topic)!;
    const partitions = known.partitions.slice();
    partitions[partition] = { ...partitions[partition]!, leader };
    this.#snapshots.next({ ...before, topics: new Map(before.topics).set(topic, { ...known, partitions }) });
  }

  /** A topic with an id of its own, also in place of one that was there before. */
  addTopic(name: string, count: number, topicId?: string): void {
    const before = this.#snapshots.value;
    const topic = topicOf(name, count, 1);
    const made = topicId === undefined ? topic : { ...topic, topicId };
    this.#snapshots.next({ ...before, topics: new Map(before.topics).set(name, made) });
  }

  /** Cuts the connection to a node: its requests error, a new connection can be had at once. */
  cut(nodeId: number): void {
    const cut = this.#cuts.get(nodeId);
    this.#cuts.delete(nodeId);
    for (const request of this.requests.filter(one => one.nodeId === nodeId))
      request.fail(new ConnectionError({ host: `n${nodeId}`, port: 1, nodeId }, 'broken', 'cut', { sent: true }));
    cut?.next();
  }

  #connection(nodeId: number): Connection {
    let cut = this.#cuts.get(nodeId);
    if (cut === undefined) this.#cuts.set(nodeId, (cut = new Subject()));
    const mine = cut;
    const cuts = this.#cuts;
    return {
      broker: { host: `n${nodeId}`, port: 1, nodeId },
      get connected() {
        return cuts.get(nodeId) === mine;
      },
      writable: true,
      state: NEVER.pipe(startWith('connected' as const), takeUntil(mine)),
      request: (api: AnyApi, body: unknown, options: unknown) => this.#request(nodeId, api, body, options),
    } as unknown as Connection;
  }

  #request(nodeId: number, api: AnyApi, body: unknown, options: unknown): Observable<any> {
    return new Observable<unknown>((subscriber: Subscriber<unknown>) => {
      const done = (settle: () => void): void => {
        const at = this.requests.indexOf(request);
        if (at >= 0) this.requests.splice(at, 1);
        settle();
      };
      const request: FakeRequest = {
        nodeId,
        api: api.name,
        body: typeof body === 'function' ? (body as (version: number) => unknown)(13) : body,
        options,
        reply: response =>
          done(() => {
            subscriber.next(response);
            subscriber.complete();
          }),
        fail: error => done(() => subscriber.error(error)),
      };
      this.requests.push(request);
      const answer = this.#options.answer?.(request);
      if (answer !== undefined) request.reply(answer);
    });
  }
}

function topicOf(name: string, count: number, nodes: number): TopicMetadata {
  return {
    name,
    topicId: Buffer.from(name.padEnd(16, '_').slice(0, 16)).toString('base64url'),
    internal: false,
    errorCode: 0,
    partitions: Array.from({ length: count }, (_, partition): PartitionMetadata => {
      return { partition, leader: partition % nodes, leaderEpoch: 1, replicas: [0], inSync: [0], errorCode: 0 };
    }),
  };
}

/** A Produce response that says the same of every batch of the request, or what `each` says. */
export function produced(
  request: FakeRequest,
  each: (topic: string, partition: number, records: Buffer) => Record<string, unknown> = () => ({}),
): unknown {
  return {
    responses: request.body.topicData.map((topic: any) => ({
      name: '',
      topicId: topic.topicId,
      partitionResponses: topic.partitionData.map(({ index, records }: any) => ({
        index,
        errorCode: 0,
        baseOffset: 0n,
        logAppendTimeMs: -1,
        logStartOffset: 0n,
        recordErrors: [],
        errorMessage: null,
        currentLeader: { leaderId: -1, leaderEpoch: -1 },
        ...each(topic.name, index, records),
      })),
    })),
    throttleTimeMs: 0,
    nodeEndpoints: [],
  };
}
