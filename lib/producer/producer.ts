import { AsyncSubject, Observable, Subscription, defer, map, raceWith, take, timer } from 'rxjs';
import type { Subscriber } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import { BufferFullError, ClosedError } from '../errors';
import type { KafkaError } from '../errors';
import { checkClose } from '../options';
import { BatchWriter, recordSizeBound } from '../records/batch-writer';
import { listHeaders } from '../records/record-encoder';
import type { ListedHeaders } from '../records/record-encoder';
import type { Bytes, ProducerRecord, RecordMetadata } from '../types';
import { Accumulator } from './accumulator';
import { BrokerSender } from './broker-sender';
import { Dispatcher } from './dispatcher';
import { checkRecord, encoded } from './encode-record';
import { IdentitySource } from './identity-source';
import { resolveProducerOptions } from './options';
import type { ProducerOptions } from './options';
import { Outcomes } from './outcomes';
import { Pressure } from './pressure';
import type { Producer } from './producer-api';
import { SendCall } from './send-call';
import { closedBefore } from './send-errors';

/** Within this `close` settles, unless it is told otherwise. */
const DRAIN_MS = 20_000;

type AnyRecord = ProducerRecord<unknown, unknown>;

/** Makes a producer; `name` is the owner of its connections. Throws `TypeError` or `RangeError` on bad options. */
export function createProducer<K = Bytes, V = Bytes>(
  cluster: Cluster,
  name: string,
  given: ProducerOptions = {},
): Producer<K, V> {
  const options = resolveProducerOptions(given);
  // Throws for a codec that is not there, now and not at the first record.
  new BatchWriter({ capacityBytes: 1, compression: options.compression });
  const { runtime } = cluster;
  const pressure = new Pressure(options.bufferBytes);
  const following = new Subscription();
  let state: 'new' | 'open' | 'closing' | 'closed' = 'new';
  let closing: AsyncSubject<void> | undefined;

  const dispatcher: Dispatcher = new Dispatcher(runtime, {
    senderOf: nodeId =>
      new BrokerSender(nodeId, {
        cluster,
        owner: name,
        options,
        identity,
        schedule: () => dispatcher.schedule(),
        onAnswer: (from, taken, response) => outcomes.answered(from, taken, response),
        onFault: (taken, error) => outcomes.faulted(taken, error),
        onRefused: (queues, error) => {
          for (const queue of queues) accumulator.failQueue(queue, error);
          accumulator.checkDrains();
        },
      }),
    onTurn: () => pressure.publish(),
    onLeaderless: () => cluster.refresh(),
  });
  const accumulator = new Accumulator(cluster, options, pressure, {
    onWork: queue => dispatcher.activate(queue),
    onMoved: queue => dispatcher.move(queue),
    onExhausted: identity_ => identity.retire(identity_),
  });
  const identity: IdentitySource = new IdentitySource(cluster, {
    onChange: () => dispatcher.schedule(),
    onRefused: error => accumulator.failAll(() => error),
  });
  const outcomes = new Outcomes(cluster, options, accumulator, queue => dispatcher.activate(queue));

  function open(): void {
    state = 'open';
    following.add(
      cluster.snapshots.subscribe(snapshot => {
        accumulator.update(snapshot);
        // Partitions still without a leader ask again.
        dispatcher.schedule();
      }),
    );
  }

  /** Whether records may be taken over; tells the subscriber if not. */
  function admits(subscriber: Subscriber<readonly RecordMetadata[]>): boolean {
    if (state === 'new') open();
    if (refuses(subscriber)) return false;
    if (!pressure.full) return true;
    subscriber.error(
      new BufferFullError(
        `the producer holds ${pressure.bytes} bytes that are not stored yet (bufferBytes: ${options.bufferBytes}); send less at once, or wait until "pressure" says that it is not full`,
      ),
    );
    return false;
  }

  function refuses(subscriber: Subscriber<readonly RecordMetadata[]>): boolean {
    if (state === 'open') return false;
    subscriber.error(new ClosedError('the producer was closed; make a new one with kafka.producer()'));
    return true;
  }

  function sendOne(record: AnyRecord): Observable<readonly RecordMetadata[]> {
    return new Observable(subscriber => {
      if (!admits(subscriber)) return;
      checkRecord(record);
      const key = encoded(options.key, record.key, record.topic, 'key');
      const value = encoded(options.value, record.value, record.topic, 'value');
      const headers = listHeaders(record.headers);
      // That was code of the user's, and it may have closed the producer.
      if (!refuses(subscriber)) accumulator.add(record, key, value, headers, subscriber, 0, dispatcher.now());
    });
  }

  function sendMany(records: readonly AnyRecord[]): Observable<readonly RecordMetadata[]> {
    return new Observable(subscriber => {
      if (!admits(subscriber)) return;
      const count = records.length;
      if (count === 0) {
        subscriber.next([]);
        subscriber.complete();
        return;
      }
      // All are encoded and checked before the first is taken over: what throws here has sent nothing.
      const keys = new Array<Bytes>(count);
      const values = new Array<Bytes>(count);
      const headers = new Array<ListedHeaders | undefined>(count);
      for (let i = 0; i < count; i++) {
        const record = records[i]!;
        checkRecord(record);
        keys[i] = encoded(options.key, record.key, record.topic, 'key');
        values[i] = encoded(options.value, record.value, record.topic, 'value');
        headers[i] = listHeaders(record.headers);
        if (headers[i] !== undefined) recordSizeBound(null, null, headers[i]);
      }
      if (refuses(subscriber)) return;
      const call = new SendCall(subscriber, count);
      const now = dispatcher.now();
      for (let i = 0; i < count; i++) {
        try {
          accumulator.add(records[i]!, keys[i]!, values[i]!, headers[i], call, i, now);
        } catch (error) {
          // A partitioner of the user's threw. The others are on their way: what became of each is in the results.
          call.failed(i, error as KafkaError);
        }
      }
    });
  }

  function shutDown(drainMs: number): AsyncSubject<void> {
    const closed = new AsyncSubject<void>();
    state = 'closing';
    const finish = (): void => {
      state = 'closed';
      accumulator.failAll(closedBefore);
      following.unsubscribe();
      dispatcher.close();
      identity.close();
      accumulator.close();
      cluster.release(name);
      pressure.complete();
    };
    // The whole of a producer's end hangs on this one subscription: whoever asked for it may leave.
    accumulator
      .drained()
      .pipe(raceWith(timer(drainMs, runtime.scheduler)), take(1), map(finish))
      .subscribe(closed);
    dispatcher.schedule();
    return closed;
  }

  return {
    send: records => (Array.isArray(records) ? sendMany(records) : sendOne(records as AnyRecord)),
    pressure: pressure.levels,
    flush: () =>
      defer(() => {
        dispatcher.schedule();
        return accumulator.drained();
      }),
    close: (how = {}) => {
      checkClose(how);
      return defer(() => (closing ??= shutDown(how.drainMs ?? DRAIN_MS)));
    },
  };
}
