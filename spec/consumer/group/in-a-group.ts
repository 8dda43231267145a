import type { Subscription } from 'rxjs';
import type { Consumer } from '../../../lib/consumer/consumer-api';
import type { ConsumerOptions } from '../../../lib/consumer/options';
import type { JournalEntry } from '../../../lib/testing/index';
import type { ConsumerRecord, RebalanceEvent } from '../../../lib/types';
import type { FreezableProcess } from '../../support/freezable-process';
import { consuming, place, values } from '../consuming';
import type { Consuming } from '../consuming';

/** The topic that members read. */
export const TOPIC = 'orders';
/** The group that they are in. */
export const GROUP = 'g';

/** A member as a spec sees it. */
export interface Member {
  readonly name: string;
  readonly consumer: Consumer;
  /** `partition:offset` of what it was given. */
  readonly seen: string[];
  /** When. */
  readonly seenAt: number[];
  readonly errors: any[];
  /** The partitions of its assignment now. */
  readonly has: () => readonly number[];
  readonly phase: () => string;
  view: Subscription;
  /** Begins another view. */
  listen(): void;
  /** Ends a member that is `apart`, without a word. */
  kill(): void;
}

/** How a member behaves. */
export interface MemberOptions extends ConsumerOptions {
  readonly topics?: string | readonly string[] | RegExp;
  /** In a process of its own. */
  readonly apart?: boolean | FreezableProcess;
  readonly onRecord?: (record: ConsumerRecord, at: number) => void;
  readonly onRebalance?: (event: RebalanceEvent) => void;
}

/** What a spec about groups works with. */
export interface InAGroup extends Consuming {
  /** `member type partitions` of each rebalance event, in order. */
  readonly log: string[];
  readonly now: () => number;
  /** Starts a member that acks what it is given. */
  member(name: string, options?: MemberOptions): Member;
  /** Appends one record to each partition of the topic. */
  append(): void;
  /** The requests of this API so far. */
  asked(api: string): JournalEntry[];
}

/** Runs `work` in virtual time with a topic and as many members as it starts. */
export function inAGroup(
  options: Parameters<typeof consuming>[0] & { readonly partitions?: number },
  work: (t: InAGroup) => void,
): void {
  const { partitions = 4, topics, ...rest } = options;
  consuming({ topics: topics ?? { [TOPIC]: partitions }, ...rest }, t => {
    const { runtime, cluster, requests } = t;
    const log: string[] = [];
    const now = () => runtime.scheduler.now();
    let appended = 0;
    work({
      ...t,
      log,
      now,
      append: () => {
        for (let p = 0; p < partitions; p++) cluster.append(TOPIC, p, values(appended, appended + 1));
        appended++;
      },
      asked: api => requests.filter(request => request.api === api),
      member: (name, { topics: subscribed = TOPIC, onRecord, onRebalance, apart, ...given } = {}) => {
        const wanted: ConsumerOptions = { groupId: GROUP, offsetReset: 'earliest', ...given };
        const made =
          apart === undefined
            ? { consumer: t.consumer(wanted), kill: () => undefined }
            : t.apart(wanted, typeof apart === 'boolean' ? undefined : apart);
        const consumer = made.consumer.subscribe(subscribed);
        let assignment = { phase: 'idle', partitions: [] as readonly { partition: number }[] };
        consumer.assignment.subscribe(value => (assignment = value));
        consumer.rebalances.subscribe(event => {
          const list = event.partitions.map(one => one.partition).sort((a, b) => a - b);
          log.push(`${name} ${event.type} ${list.join()}`.trim());
          onRebalance?.(event);
        });
        const seen: string[] = [];
        const seenAt: number[] = [];
        const errors: unknown[] = [];
        const listen = () =>
          consumer.records.subscribe({
            next: record => {
              seen.push(place(record));
              seenAt.push(now());
              if (onRecord === undefined) record.ack();
              else onRecord(record, now());
            },
            error: error => errors.push(error),
          });
        const member: Member = {
          ...{ name, consumer, seen, seenAt, errors, view: listen() },
          has: () => assignment.partitions.map(({ partition }) => partition).sort((a, b) => a - b),
          phase: () => assignment.phase,
          kill: made.kill,
          listen: () => (member.view = listen()),
        };
        return member;
      },
    });
  });
}

/** The lines of one member, without its name. */
export const of = (name: string, log: readonly string[]): string[] =>
  log.filter(line => line.startsWith(`${name} `)).map(line => line.slice(name.length + 1));
