import type { Cluster } from '../cluster/cluster';
import { reactionTo, retryPauseMs } from '../cluster/retry';
import { type KafkaError, RequestTimeoutError } from '../errors';
import type { ResponseOf } from '../protocol/api';
import type { Produce } from '../protocol/apis/produce';
import { brokerError } from '../protocol/error-table';
import type { Accumulator } from './accumulator';
import type { Batch } from './batch';
import type { ResolvedProducerOptions } from './options';
import type { PartitionQueue } from './partition-queue';
import { answersOf } from './produce-request';
import type { ProduceAnswer, Taken } from './produce-request';
import { refused } from './send-errors';
import { splitBatch } from './split-batch';
import { verdictOf } from './verdict';

/** Works out what became of the batches of a request: brings their queues in order first, then tells who waits. */
export class Outcomes {
  constructor(
    private readonly cluster: Cluster,
    private readonly options: ResolvedProducerOptions,
    private readonly accumulator: Accumulator,
    /** The queue may have something to send again. */
    private readonly onWork: (queue: PartitionQueue) => void,
  ) {}

  /** The broker answered; `undefined`: it was not asked to (`acks: 0`). */
  answered(nodeId: number, taken: readonly Taken[], response: ResponseOf<typeof Produce> | undefined): void {
    // Telling runs the user's code, which may send, flush or close: our own books are in order before.
    const tell: (() => void)[] = [];
    if (response === undefined) {
      for (const { queue, batch } of taken) {
        queue.stored(batch);
        tell.push(() => this.accumulator.stored(batch, -1n, -1));
      }
    } else {
      this.#takeHints(taken, response);
      const answers = answersOf(taken, response);
      const retries = new Retries(this.cluster);
      taken.forEach(({ queue, batch }, i) => {
        const told = this.#judge(nodeId, queue, batch, answers[i], retries);
        if (told !== undefined) tell.push(told);
      });
      retries.report();
    }
    for (const { queue } of taken) if (!queue.idle) this.onWork(queue);
    for (const one of tell) one();
    this.accumulator.checkDrains();
  }

  /** There is no answer: the connection was lost, the time is over, or the request could not be made or read. */
  faulted(taken: readonly Taken[], error: unknown): void {
    const reaction = reactionTo(error);
    const tell: (() => void)[] = [];
    const retries = new Retries(this.cluster);
    for (const { queue, batch } of taken) {
      batch.lastError = error;
      if (reaction === 'fatal' || reaction === 'abortable' || queue.lost) {
        queue.giveUp(batch);
        tell.push(() => this.accumulator.failed(batch, error as KafkaError));
      } else {
        // After a lost connection the pause is that of connecting again.
        const delayMs = error instanceof RequestTimeoutError ? this.#backoff(batch) : 0;
        queue.retry(batch, this.cluster.runtime.scheduler.now() + delayMs);
        retries.add(batch, delayMs, error, true);
      }
    }
    retries.report();
    for (const { queue } of taken) if (!queue.idle) this.onWork(queue);
    for (const one of tell) one();
    this.accumulator.checkDrains();
  }

  #judge(
    nodeId: number,
    queue: PartitionQueue,
    batch: Batch,
    answer: ProduceAnswer | undefined,
    retries: Retries,
  ): (() => void) | undefined {
    if (answer === undefined) {
      const { topic, partition } = queue;
      const error = brokerError(-1, {
        api: 'Produce',
        topic,
        partition,
        message: 'the response does not mention this partition',
      });
      this.#retry(queue, batch, error, true, this.#backoff(batch), retries);
      return undefined;
    }
    const verdict = verdictOf(answer.errorCode, {
      idempotent: this.options.idempotent,
      first: queue.isFirst(batch),
      records: batch.count,
      logStartOffset: answer.logStartOffset,
    });
    switch (verdict) {
      case 'stored':
        queue.stored(batch);
        return () => this.accumulator.stored(batch, answer.baseOffset, answer.logAppendTimeMs);
      case 'stored-before':
        queue.stored(batch);
        return () => this.accumulator.stored(batch, -1n, -1);
      case 'fail':
        queue.giveUp(batch);
        return () => this.accumulator.failed(batch, refused(batch, answer));
      case 'split': {
        if (batch.settled) {
          queue.giveUp(batch);
          return undefined;
        }
        const parts = splitBatch(batch, this.options);
        queue.split(batch, parts);
        this.accumulator.replaced(batch, parts);
        return undefined;
      }
      case 'new-epoch':
      case 'new-id':
        queue.renumber(verdict);
        break;
      case 'retry':
      case 'refresh':
    }
    const { topic, partition } = queue;
    const error = brokerError(answer.errorCode, { api: 'Produce', topic, partition, message: answer.errorMessage });
    if (queue.lost) {
      queue.giveUp(batch);
      return () => this.accumulator.failed(batch, error);
    }
    // The response named the new leader: nothing to ask, nothing to wait for.
    const moved = verdict === 'refresh' && queue.leader >= 0 && queue.leader !== nodeId;
    this.#retry(queue, batch, error, verdict === 'refresh' && !moved, moved ? 0 : this.#backoff(batch), retries);
    return undefined;
  }

  #retry(
    queue: PartitionQueue,
    batch: Batch,
    error: KafkaError,
    refresh: boolean,
    delayMs: number,
    retries: Retries,
  ): void {
    batch.lastError = error;
    retries.add(batch, delayMs, error, refresh);
    queue.retry(batch, this.cluster.runtime.scheduler.now() + delayMs);
  }

  #backoff(batch: Batch): number {
    return retryPauseMs(this.cluster, Math.max(1, batch.attempts));
  }

  #takeHints(taken: readonly Taken[], response: ResponseOf<typeof Produce>): void {
    const nameOf = new Map(taken.map(({ queue }) => [queue.topicId, queue.topic]));
    for (const { name, topicId, partitionResponses } of response.responses) {
      const topic = name === '' ? nameOf.get(topicId) : name;
      if (topic === undefined) continue;
      for (const { index, currentLeader } of partitionResponses) {
        if (currentLeader.leaderId < 0) continue;
        const { leaderId, leaderEpoch } = currentLeader;
        this.cluster.leaderHint({ topic, partition: index }, leaderId, leaderEpoch, response.nodeEndpoints);
      }
    }
  }
}

/** The retries of one request, for one event and one refresh. */
class Retries {
  #first: { readonly attempt: number; readonly delayMs: number; readonly error: unknown } | undefined;
  #refresh = false;

  constructor(private readonly cluster: Cluster) {}

  add(batch: Batch, delayMs: number, error: unknown, refresh: boolean): void {
    if (!batch.settled) this.#first ??= { attempt: batch.attempts, delayMs, error };
    this.#refresh ||= refresh;
  }

  report(): void {
    if (this.#refresh) this.cluster.refresh();
    if (this.#first !== undefined) this.cluster.emit({ type: 'retry', api: 'Produce', ...this.#first });
  }
}
