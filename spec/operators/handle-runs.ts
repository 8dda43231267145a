import { NEVER, Subject, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { handle, type HandleOptions } from '../../lib/operators/handle';
import { DELIVERY, type ConsumerRecord, type DeliverySource } from '../../lib/types';
import type { HandFed } from '../consumer/delivery/hand-fed';
import { handMade, type HandMade } from './hand-made';

export type Rec = ConsumerRecord<string, number>;

export function marbles(work: Parameters<TestScheduler['run']>[0]): void {
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(work);
}

/** Hand-made records with a runtime, so that backoff and timeouts are virtual too. */
export function timed(clock: HandFed['clock'], record: HandMade): HandMade & { aborted: unknown[] } {
  const aborted: unknown[] = [];
  const source: DeliverySource = {
    runtime: clock,
    claim: () => undefined,
    starved: NEVER,
    isSuperseded: () => false,
    abort: (_, reason) => aborted.push(reason),
  };
  return Object.assign(record, { [DELIVERY]: source, aborted });
}

/** Runs `project` over records 0.. and collects what came out, and how it ended. */
export function run<R>(
  records: readonly Rec[],
  project: (record: Rec) => R | Observable<R> | PromiseLike<R>,
  options?: HandleOptions<Rec>,
) {
  const source = new Subject<Rec>();
  const out: unknown[] = [];
  const ends: unknown[] = [];
  const subscription = source.pipe(handle(project, options)).subscribe({
    next: value => out.push(value),
    error: (error: unknown) => ends.push(error),
    complete: () => ends.push('complete'),
  });
  for (const record of records) source.next(record);
  return { source, out, ends, subscription };
}

export const outcomes = (records: readonly HandMade[]) => records.map(record => record.outcome);
export const made = (count: number, fields: (at: number) => Partial<Rec> = () => ({})) =>
  Array.from({ length: count }, (_, at) => handMade(at, fields(at)));
