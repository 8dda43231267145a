import { setTimeout as delay } from 'node:timers/promises';
import { concatMap, filter, firstValueFrom, interval, retry, startWith, take, timeout } from 'rxjs';
import type { Kafka } from '../../../lib';
import { rawRequest } from '../raw-request';

/** The leader of each partition, by its number. */
export async function leadersOf(kafka: Kafka, topic: string): Promise<readonly number[]> {
  const [described] = await firstValueFrom(kafka.admin().describeTopics([topic]).pipe(timeout(30_000)));
  const leaders: number[] = [];
  for (const { partition, leader } of described!.partitions) leaders[partition] = leader;
  return leaders;
}

/** The partitions that a broker leads. */
export async function ledBy(kafka: Kafka, topic: string, nodeId: number): Promise<readonly number[]> {
  return (await leadersOf(kafka, topic)).flatMap((leader, partition) => (leader === nodeId ? [partition] : []));
}

/** Resolves when all replicas of the topic are in sync: before that, another fault would hit a cluster that is still down one. */
export async function untilWhole(kafka: Kafka, topic: string, nodes: number): Promise<void> {
  await firstValueFrom(
    interval(100).pipe(
      startWith(0),
      concatMap(() => kafka.admin().describeTopics([topic])),
      retry({ delay: 100 }),
      filter(([described]) => described!.partitions.every(({ inSync }) => inSync.length === nodes)),
      take(1),
      timeout(60_000),
    ),
  );
}

const DESCRIBE_QUORUM = 55;

/** The node that leads the quorum of controllers (DescribeQuorum v0): what Metadata calls the controller is any broker. */
export async function activeController(address: string): Promise<number> {
  const name = '__cluster_metadata';
  const text = [...Buffer.from(name)].map(byte => ({ byte }));
  const noTags = { byte: 0 };
  const partitions = [{ byte: 2 }, { int: 0 }, noTags];
  const topics = [{ byte: 2 }, { byte: name.length + 1 }, ...text, ...partitions, noTags];
  const answer = await rawRequest(address, DESCRIBE_QUORUM, 0, [noTags, ...topics, noTags]);
  // Tags of the header, error code, one topic with its name, one partition with its number and error code.
  return answer.readInt32BE(1 + 2 + 1 + 1 + name.length + 1 + 4 + 2);
}

/** Resolves with the moment at which a broker answered ApiVersions again. */
export async function untilAnswering(address: string, withinMs: number): Promise<number> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      await rawRequest(address, 18, 0, [], 1_000);
      return performance.now();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(10);
    }
  }
}
