import { AsyncSubject, type Observable, Subject, concat, defer, finalize, forkJoin, ignoreElements, of } from 'rxjs';
import { createAdmin } from './admin/admin';
import type { Admin } from './admin/admin';
import { closedError, createCluster } from './cluster/cluster';
import type { Cluster } from './cluster/cluster';
import { createConsumer } from './consumer/consumer';
import type { Consumer } from './consumer/consumer-api';
import type { ConsumerOptions } from './consumer/options';
import { tcpTransport } from './network/tcp';
import { checkClose, resolveClientOptions } from './options';
import type { KafkaOptions } from './options';
import type { ProducerOptions } from './producer/options';
import { createProducer } from './producer/producer';
import type { Producer } from './producer/producer-api';
import type { AnyApi } from './protocol/api';
import { realRuntime } from './runtime';
import type {
  ApiDefinition,
  Bytes,
  ConnectionStatus,
  Decoder,
  Encoder,
  KafkaEvent,
  KafkaEventBody,
  Route,
} from './types';

/** Within this `close` settles, unless it is told otherwise. */
const DRAIN_MS = 20_000;

/**
 * A client of one cluster: makes producers, consumers and an admin that share its connections and metadata. Nothing is
 * opened before the first of them is used. Bad options throw a `TypeError` or `RangeError` here; everything else goes
 * down the `error` of an Observable.
 *
 * @example
 * const kafka = new Kafka({ brokers: 'localhost:9092' });
 * kafka.producer().send({ topic: 'orders', value: 'hello' }).subscribe();
 */
export class Kafka {
  readonly #cluster: Cluster;
  readonly #events = new Subject<KafkaEvent>();
  /** Those that are not closed, by the name that owns their connections. */
  readonly #consumers = new Map<string, Consumer<any, any>>();
  readonly #producers = new Map<string, Producer<any, any>>();
  #made = 0;
  #closing: AsyncSubject<void> | undefined;

  constructor(options: KafkaOptions) {
    const resolved = resolveClientOptions(options, { runtime: realRuntime, transport: tcpTransport });
    this.#cluster = createCluster(
      resolved,
      (event: KafkaEventBody) => this.#events.next({ ...event, at: resolved.runtime.scheduler.now() }),
      owner => this.#consumers.delete(owner) || this.#producers.delete(owner),
    );
  }

  /** Reads records. Types come from the decoders: without one, a key or value is the raw `Buffer | null`. */
  consumer<K, V>(options: ConsumerOptions & { readonly key: Decoder<K>; readonly value: Decoder<V> }): Consumer<K, V>;
  consumer<V>(options: ConsumerOptions & { readonly value: Decoder<V> }): Consumer<Buffer | null, V>;
  consumer<K>(options: ConsumerOptions & { readonly key: Decoder<K> }): Consumer<K, Buffer | null>;
  consumer(options?: ConsumerOptions): Consumer;
  consumer(options: ConsumerOptions = {}): Consumer<any, any> {
    this.#mustBeOpen();
    const name = `consumer-${++this.#made}`;
    const consumer = createConsumer<any, any>(this.#cluster, name, options);
    this.#consumers.set(name, consumer);
    return consumer;
  }

  /** Writes records. Types come from the encoders: without one, a key or value is `Bytes`. */
  producer<K, V>(options: ProducerOptions & { readonly key: Encoder<K>; readonly value: Encoder<V> }): Producer<K, V>;
  producer<V>(options: ProducerOptions & { readonly value: Encoder<V> }): Producer<Bytes, V>;
  producer<K>(options: ProducerOptions & { readonly key: Encoder<K> }): Producer<K, Bytes>;
  producer(options?: ProducerOptions): Producer;
  producer(options: ProducerOptions = {}): Producer<any, any> {
    this.#mustBeOpen();
    const name = `producer-${++this.#made}`;
    const producer = createProducer<any, any>(this.#cluster, name, options);
    this.#producers.set(name, producer);
    return producer;
  }

  /** Administration of the cluster: topics and offsets. Opens nothing by itself and need not be closed. */
  admin(): Admin {
    this.#mustBeOpen();
    return createAdmin(this.#cluster);
  }

  /** Hot, replays the current list: one entry per slot in use, so a lost connection shows its reason until the next attempt. Completes on close. */
  get connections(): Observable<readonly ConnectionStatus[]> {
    return this.#cluster.connections;
  }

  /** Hot, never errors, completes on close: connects, disconnects, retries, throttles, leader moves, stalls. */
  get events(): Observable<KafkaEvent> {
    return this.#events.asObservable();
  }

  /**
   * Any request of the protocol that `apis` names, routed and retried like the client's own. Cold, one value: the decoded
   * response. Error codes inside it are data, a top-level one is a `BrokerError`.
   */
  request<Q, R>(api: ApiDefinition<Q, R>, body: Q, route: Route = 'any'): Observable<R> {
    return this.#cluster.request(api as AnyApi, body, { route });
  }

  /**
   * Drains consumers, flushes producers, closes sockets, within `drainMs` [20 s]. Cold, one value; idempotent, always
   * settles; unsubscribing stops waiting, not closing. What could not be delivered errors at its own `send`.
   */
  close(options: { readonly drainMs?: number } = {}): Observable<void> {
    checkClose(options);
    return defer(() => (this.#closing ??= this.#close(options.drainMs ?? DRAIN_MS)));
  }

  #close(drainMs: number): AsyncSubject<void> {
    const closed = new AsyncSubject<void>();
    const { runtime } = this.#cluster;
    const deadline = runtime.scheduler.now() + drainMs;
    const left = () => ({ drainMs: Math.max(0, deadline - runtime.scheduler.now()) });
    const drain = (members: ReadonlyMap<string, { close(options: { drainMs: number }): Observable<unknown> }>) =>
      defer(() => (members.size === 0 ? of([]) : forkJoin([...members.values()].map(one => one.close(left()))))).pipe(
        ignoreElements(),
      );
    concat(drain(this.#consumers), drain(this.#producers), of(undefined))
      .pipe(
        finalize(() => {
          this.#cluster.close();
          this.#events.complete();
        }),
      )
      .subscribe(closed);
    return closed;
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw closedError();
  }
}
