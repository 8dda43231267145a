import type { GroupMember } from '../../../../lib/consumer/group/assignors/assignor';
import type { TopicPartition } from '../../../../lib/types';
import { memberSaying } from './random-group';

/** A member by its id, that reads these topics; what else it says may be given. */
export function member(memberId: string, topics: string, told: Partial<GroupMember> = {}): GroupMember {
  return memberSaying({
    ...{ memberId, topics: topics.split(' ').filter(topic => topic !== '') },
    ...{ groupInstanceId: null, owned: [], generation: -1, rack: null, ...told },
  });
}

/** `t:0 t:1` as partitions. */
export function partitions(text: string): TopicPartition[] {
  const found = text.split(' ').filter(one => one !== '');
  return found.map(one => {
    const [topic, partition] = one.split(':') as [string, string];
    return { topic, partition: Number(partition) };
  });
}

/** An assignment in words, as `{ a: 't:0 t:1' }`. */
export function inWords(assigned: ReadonlyMap<string, readonly TopicPartition[]>): Record<string, string> {
  const texts = [...assigned].map(([id, list]) => {
    return [id, list.map(({ topic, partition }) => `${topic}:${partition}`).join(' ')] as const;
  });
  return Object.fromEntries(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
}
