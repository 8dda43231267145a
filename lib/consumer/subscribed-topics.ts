import {
  catchError,
  combineLatest,
  defer,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  filter,
  map,
  of,
  scan,
  startWith,
  switchMap,
  timer,
} from 'rxjs';
import type { Observable } from 'rxjs';
import type { Cluster } from '../cluster/cluster';
import type { MetadataSnapshot } from '../cluster/metadata';
import { Metadata } from '../protocol/apis/metadata';
import type { TopicPartition } from '../types';
import { mayPass } from './may-pass';

/** A partition of a subscribed topic. */
export interface SubscribedPartition extends TopicPartition {
  /** It was not there when its topic was first seen: its first records are new. */
  readonly appearedLater: boolean;
}

/**
 * All partitions of some topics, as far as the cluster knows them; emits again when they grow. A topic or partition that is missing from an
 * answer stays: one broker's stale view is no deletion. A pattern is matched against all topics again each `metadataMaxAgeMs`.
 * Never completes; errors when the cluster refuses us.
 */
export function subscribedPartitions(
  cluster: Cluster,
  owner: string,
  topics: readonly string[] | RegExp,
): Observable<readonly SubscribedPartition[]> {
  const wanted = Array.isArray(topics)
    ? of(new Map((topics as readonly string[]).map(name => [name, false])))
    : matchingTopics(cluster, owner, topics as RegExp);
  return wanted.pipe(
    switchMap(names =>
      combineLatest([
        of(names),
        cluster.snapshots,
        names.size === 0
          ? of(undefined)
          : cluster.topics([...names.keys()]).pipe(catchError(onlyFatal), startWith(undefined)),
      ]),
    ),
    filter(([, snapshot]) => snapshot.at !== -Infinity),
    scan((before, [names, snapshot]) => ({ names, known: grow(before.known, names, snapshot) }), NOTHING_KNOWN),
    // Until all were looked for, nobody can tell what was there to begin with.
    filter(({ names, known }) => [...names.keys()].every(name => known.has(name))),
    map(({ known }) => known),
    distinctUntilChanged(),
    map(known =>
      [...known].flatMap(([topic, partitions]) =>
        [...partitions].map(([partition, appearedLater]) => ({ topic, partition, appearedLater })),
      ),
    ),
  );
}

/** By topic and partition: whether it appeared later. A topic without partitions was looked for and is not there. */
type Known = ReadonlyMap<string, ReadonlyMap<number, boolean>>;

/** Topics by name: whether they came to match the pattern later. */
type Names = ReadonlyMap<string, boolean>;

const NOTHING_KNOWN: { readonly names: Names; readonly known: Known } = { names: new Map(), known: new Map() };

/** What is known after a snapshot; the same object when that is nothing new. */
function grow(known: Known, names: Names, snapshot: MetadataSnapshot): Known {
  let grown: Map<string, ReadonlyMap<number, boolean>> | undefined;
  for (const [name, matchedLater] of names) {
    const topic = snapshot.topics.get(name);
    if (topic === undefined) continue;
    const seen = known.get(name);
    const missing = topic.partitions.flatMap(one =>
      one === undefined || seen?.has(one.partition) ? [] : [one.partition],
    );
    if (missing.length === 0 && seen !== undefined) continue;
    grown ??= new Map(known);
    const partitions = new Map(seen);
    for (const partition of missing) partitions.set(partition, matchedLater || seen !== undefined);
    grown.set(name, partitions);
  }
  return grown ?? known;
}

function matchingTopics(cluster: Cluster, owner: string, pattern: RegExp): Observable<Names> {
  // A sticky or global pattern remembers where it stopped, and would match every other time.
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return defer(() => timer(0, cluster.options.metadataMaxAgeMs, cluster.runtime.scheduler)).pipe(
    exhaustMap(() => cluster.request(Metadata, { topics: null }, { route: 'any', owner }).pipe(catchError(onlyFatal))),
    map(answer =>
      answer.topics
        .flatMap(({ name, isInternal }) => (name !== null && !isInternal && stateless.test(name) ? [name] : []))
        .sort(),
    ),
    distinctUntilChanged((a, b) => a.length === b.length && a.every((name, i) => name === b[i])),
    scan(
      (before: Names | undefined, matching): Names =>
        new Map(matching.map(name => [name, before !== undefined && (before.get(name) ?? true)])),
      undefined,
    ),
    map(names => names!),
  );
}

function onlyFatal(error: unknown): Observable<never> {
  if (!mayPass(error)) throw error;
  return EMPTY;
}
