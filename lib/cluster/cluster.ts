import { type MonoTypeOperatorFunction, type Observable, concat, defer, map, switchMap, tap, throwError } from 'rxjs';
import { BrokerError, ClosedError, ConnectionError } from '../errors';
import type { Connection } from '../network/connection';
import { authentication } from '../network/sasl/authentication';
import type { ClientOptions } from '../options';
import type { AnyApi, RequestOf, ResponseOf } from '../protocol/api';
import { FindCoordinator } from '../protocol/apis/find-coordinator';
import { brokerError, codeOf, errorOf } from '../protocol/error-table';
import type { ConnectionStatus, EventSink, Purpose, Route, Runtime, TopicPartition } from '../types';
import { anyBroker } from './any-broker';
import { askMetadata } from './ask-metadata';
import { BrokerPool } from './broker-pool';
import { Coordinators } from './coordinators';
import type { CoordinatorKind } from './coordinators';
import { leaderOf } from './leader-of';
import type { BrokerNode, MetadataSnapshot } from './metadata';
import { MetadataStore } from './metadata-store';
import { retrying } from './retry';
import { rightCluster } from './right-cluster';

/** Whose connection a call travels on, and for how long it may be retried. */
export interface Call<R> {
  readonly route: Route;
  /** [client] */
  readonly owner?: string;
  /** [client] */
  readonly purpose?: Purpose;
  /** All attempts together, in ms. [twice `requestTimeoutMs`] */
  readonly timeoutMs?: number;
  /** How long the broker may hold the request on purpose, in ms; each attempt has that much longer. [0] */
  readonly holdMs?: number;
  /** Do not speak a later version of the API, even if both sides could. */
  readonly maxVersion?: number;
  /** Codes inside the response (of its topics, partitions, groups) that make the call be repeated when they are retriable; others stay data. */
  readonly errorsOf?: (response: R) => Iterable<number>;
  /** Top-level codes that are answers: they stay data. [none] */
  readonly answers?: ReadonlySet<number>;
}

/** Many brokers as one: metadata, connections, routing, retries. Everything above the network goes through here. */
export interface Cluster {
  readonly runtime: Runtime;
  readonly emit: EventSink;
  readonly options: ClientOptions;
  /** What is known now. */
  readonly metadata: MetadataSnapshot;
  /** Why metadata cannot be had at the moment; `undefined` when the last answer was good. */
  readonly trouble: unknown;
  /** Replays the current snapshot; never errors; completes on close. */
  readonly snapshots: Observable<MetadataSnapshot>;
  /** See `MetadataStore.topics`: one value, with what went wrong per topic in its `errorCode`. */
  topics(names: readonly string[]): Observable<MetadataSnapshot>;
  /** Asks for fresh metadata soon. */
  refresh(): void;
  /** A response named a newer leader. */
  leaderHint(partition: TopicPartition, leader: number, leaderEpoch: number, endpoints: readonly BrokerNode[]): void;
  /** One live connection of the slot, then completes; errors (retriable mostly) when the attempt under way fails. */
  connection(nodeId: number, owner: string, purpose: Purpose): Observable<Connection>;
  /**
   * Sends a request where it belongs and repeats it by the error table, with backoff, until `timeoutMs`. Cold, one
   * value. A top-level error code that is not retriable is a `BrokerError`.
   */
  request<A extends AnyApi>(
    api: A,
    body: RequestOf<A> | ((version: number) => RequestOf<A>),
    call: Call<ResponseOf<A>>,
  ): Observable<ResponseOf<A>>;
  /**
   * Repeats whatever it is put behind as `request` repeats, for calls that are more than one request: by the error table, with
   * backoff, over fresh metadata, for `timeoutMs` [twice `requestTimeoutMs`]. `api` is named in events and in the final error.
   */
  retried<T>(api: string, timeoutMs?: number): MonoTypeOperatorFunction<T>;
  /** The node that coordinates a group or transaction; asked once, shared, kept until forgotten. */
  coordinator(kind: CoordinatorKind, key: string): Observable<number>;
  forgetCoordinator(kind: CoordinatorKind, key: string): void;
  /** Closes the connections of an owner. */
  release(owner: string): void;
  /** Replays the state of every slot in use. */
  readonly connections: Observable<readonly ConnectionStatus[]>;
  close(): void;
}

/**
 * Wires pool, metadata and coordinators. Nothing is opened before the first use. `onRelease` hears of each owner that is
 * done, so that whoever keeps a list of them can forget it.
 */
export function createCluster(
  options: ClientOptions,
  emit: EventSink,
  onRelease: (owner: string) => void = () => undefined,
): Cluster {
  const { runtime, retryBackoffMs, retryBackoffMaxMs, requestTimeoutMs } = options;
  const backoff = { baseMs: retryBackoffMs, maxMs: retryBackoffMaxMs };
  let closed = false;

  /** Told once in each outage. */
  let rebootstrapping = false;

  const authenticate = authentication(options);
  const pool = new BrokerPool(
    options,
    emit,
    broker => {
      if (broker.nodeId !== undefined) coordinators.forgetNode(broker.nodeId);
      store.refresh();
    },
    link =>
      concat(authenticate(link), rightCluster(link, store.snapshot.clusterId)).pipe(
        tap({ complete: () => store.admitted() }),
      ),
  );
  const any: Observable<Connection> = defer(() =>
    closed ? throwError(closedError) : anyBroker(pool, () => store.snapshot, options.bootstrap, runtime, onRebootstrap),
  );
  const store: MetadataStore = new MetadataStore({
    runtime,
    backoff,
    emit,
    maxAgeMs: options.metadataMaxAgeMs,
    timeoutMs: 2 * requestTimeoutMs,
    ask: (names, mayCreate) =>
      any.pipe(
        switchMap(connection => {
          const { clusterId } = store.snapshot;
          return askMetadata(connection, { names, mayCreate, clusterId, onRebootstrap: startOver });
        }),
      ),
    onBrokers: brokers => {
      pool.update(brokers);
      if (brokers.size === 0) return;
      rebootstrapping = false;
      pool.releaseBootstrap();
    },
  });
  const coordinators = new Coordinators(body =>
    any.pipe(switchMap(connection => connection.request(FindCoordinator, body))),
  );

  const connection = (nodeId: number, owner: string, purpose: Purpose): Observable<Connection> =>
    defer(() => (closed ? throwError(closedError) : pool.connection(nodeId, owner, purpose)));

  function onRebootstrap(): void {
    if (!rebootstrapping) emit({ type: 'rebootstrap' });
    rebootstrapping = true;
  }

  function startOver(): void {
    onRebootstrap();
    coordinators.forgetAll();
    store.forgetBrokers();
  }

  function route(to: Route, owner: string, purpose: Purpose): Observable<Connection> {
    if (to === 'any') return any;
    return nodeOf(to).pipe(switchMap(nodeId => connection(nodeId, owner, purpose)));
  }

  /** Any snapshot will do for a node id or a coordinator: without one, no address is known. */
  function nodeOf(to: Exclude<Route, 'any'>): Observable<number> {
    if (to === 'controller') return store.topics([]).pipe(map(controllerOf));
    if ('nodeId' in to) return store.topics([]).pipe(map(() => to.nodeId));
    if ('group' in to) return store.topics([]).pipe(switchMap(() => coordinators.nodeOf('group', to.group)));
    if ('transaction' in to)
      return store.topics([]).pipe(switchMap(() => coordinators.nodeOf('transaction', to.transaction)));
    return store.topics([to.leaderOf.topic]).pipe(map(metadata => orThrow(leaderOf(metadata, to.leaderOf))));
  }

  function forget(to: Route): void {
    if (typeof to === 'object' && 'group' in to) coordinators.forget('group', to.group);
    else if (typeof to === 'object' && 'transaction' in to) coordinators.forget('transaction', to.transaction);
    else store.refresh();
  }

  const policyOf = (api: string, timeoutMs: number = 2 * requestTimeoutMs) => ({
    api,
    runtime,
    backoff,
    timeoutMs,
    emit,
    trouble: () => store.trouble,
  });

  return {
    runtime,
    emit,
    options,
    get metadata() {
      return store.snapshot;
    },
    get trouble() {
      return store.trouble;
    },
    snapshots: store.snapshots,
    topics: names => defer(() => (closed ? throwError(closedError) : store.topics(names))),
    refresh: () => store.refresh(),
    leaderHint: (partition, leader, leaderEpoch, endpoints) => store.hint(partition, leader, leaderEpoch, endpoints),
    connection,
    retried: (api, timeoutMs) => retrying({ ...policyOf(api, timeoutMs), onRetry: () => store.refresh() }),
    coordinator: (kind, key) => coordinators.nodeOf(kind, key),
    forgetCoordinator: (kind, key) => coordinators.forget(kind, key),
    release: owner => {
      pool.release(owner);
      onRelease(owner);
    },
    connections: pool.statuses,
    request<A extends AnyApi>(
      api: A,
      body: RequestOf<A> | ((version: number) => RequestOf<A>),
      call: Call<ResponseOf<A>>,
    ): Observable<ResponseOf<A>> {
      return defer(() => route(call.route, call.owner ?? 'client', call.purpose ?? 'client')).pipe(
        switchMap(live =>
          live.request<RequestOf<A>, ResponseOf<A>>(api, body, {
            ...(call.holdMs === undefined ? {} : { holdMs: call.holdMs, timeoutMs: requestTimeoutMs + call.holdMs }),
            ...(call.maxVersion === undefined ? {} : { maxVersion: call.maxVersion }),
          }),
        ),
        tap(response => throwOnError(api, response, call)),
        retrying({
          ...policyOf(api.name, call.timeoutMs),
          onRetry: (error, reaction) => {
            if (reaction === 'refresh' || error instanceof ConnectionError) forget(call.route);
          },
        }),
      );
    },
    close() {
      if (closed) return;
      closed = true;
      store.close(closedError());
      pool.close();
    },
  };
}

/** What every call on a closed client errors with. */
export function closedError(): ClosedError {
  return new ClosedError('the client was closed; make a new Kafka');
}

function orThrow<T>(value: T | BrokerError): T {
  if (value instanceof BrokerError) throw value;
  return value;
}

function controllerOf(metadata: MetadataSnapshot): number {
  if (metadata.controllerId >= 0) return metadata.controllerId;
  throw brokerError(codeOf('NOT_CONTROLLER'), {
    api: 'Metadata',
    message: 'the controller is not known at the moment',
  });
}

function throwOnError<R>(api: AnyApi, response: R, { errorsOf, answers }: Call<R>): void {
  const top = response as { readonly errorCode?: number; readonly errorMessage?: string | null } | undefined;
  if (typeof top?.errorCode === 'number' && top.errorCode !== 0 && answers?.has(top.errorCode) !== true)
    throw brokerError(top.errorCode, { api: api.name, message: top.errorMessage ?? null });
  if (errorsOf === undefined) return;
  for (const code of errorsOf(response))
    if (code !== 0 && errorOf(code).retriable) throw brokerError(code, { api: api.name });
}
