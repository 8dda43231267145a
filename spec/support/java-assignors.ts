import { join } from 'node:path';
import type { GroupMember, RacksOf } from '../../lib/consumer/group/assignors/assignor';
import type { TopicPartition } from '../../lib/types';
import { kafkaJars } from './kafka-jars';
import { runProgram } from './run-program';

const PROGRAM = join(__dirname, 'KafkaAssignors.java');

/** What an assignor is asked. */
export interface JavaRound {
  readonly partitions: ReadonlyMap<string, number>;
  readonly members: readonly GroupMember[];
  readonly racksOf?: RacksOf;
}

/** The assignors of Kafka's own consumer, without a broker. */
export const javaAssignors = {
  /** What each of the assignors makes of each of the rounds, in one run; `undefined` where it threw, as the sticky ones do at times. */
  async assign(
    rounds: readonly JavaRound[],
    names: readonly string[],
  ): Promise<readonly ReadonlyMap<string, ReadonlyMap<string, readonly TopicPartition[]> | undefined>[]> {
    const asked = rounds.map(round =>
      [...linesOf(round), ...names.map(name => `assign\t${name}`), 'end', ''].join('\n'),
    );
    const answers = await run(asked.join(''));
    return rounds.map((_, i) => new Map(names.map((name, j) => [name, assigned(answers[i * names.length + j]!)])));
  },

  /** What `StickyAssignor` tells its leader of these partitions. */
  async stickyUserData(owned: readonly TopicPartition[], generation: number): Promise<Buffer> {
    const [[hex]] = (await run(`told\t${generation}\t${textOf(owned)}\n`)) as [[string]];
    return Buffer.from(hex, 'hex');
  },
};

function linesOf({ partitions, members, racksOf }: JavaRound): string[] {
  const topics = [...partitions].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => {
      const racks = [...(racksOf?.(topic, partition) ?? [])].join() || '-';
      return `topic\t${topic}\t${partition}\t${racks}`;
    }),
  );
  const told = members.map(({ memberId, groupInstanceId, generation, rack, topics: names, owned, userData }) =>
    [
      ...['member', memberId, groupInstanceId ?? '-', generation, rack ?? '-', names.join() || '-', textOf(owned)],
      userData?.toString('hex') ?? '-',
    ].join('\t'),
  );
  return [...topics, ...told];
}

const textOf = (partitions: readonly TopicPartition[]) =>
  partitions.map(({ topic, partition }) => `${topic}:${partition}`).join() || '-';

function assigned(fields: readonly string[]): ReadonlyMap<string, readonly TopicPartition[]> | undefined {
  if (fields[0] === 'failed') return undefined;
  const made = new Map<string, readonly TopicPartition[]>();
  for (let i = 0; i < fields.length; i += 2) made.set(fields[i]!, partitionsIn(fields[i + 1]!));
  return made;
}

function partitionsIn(text: string): TopicPartition[] {
  if (text === '-') return [];
  return text.split(',').map(one => {
    const colon = one.lastIndexOf(':');
    return { topic: one.slice(0, colon), partition: Number(one.slice(colon + 1)) };
  });
}

/** The fields of each answer; whatever else the program says is its log. */
async function run(input: string): Promise<string[][]> {
  const jars = await kafkaJars();
  const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`, PROGRAM];
  const text = (await runProgram('java', java, { input, timeoutMs: 120_000 })).toString();
  return text
    .split('\n')
    .filter(line => line.startsWith('=\t'))
    .map(line => line.split('\t').slice(1));
}
