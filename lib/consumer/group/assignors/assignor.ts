import type { TopicPartition } from '../../../types';

/** Decides which member of a classic group reads which partitions: one of `assignors`. */
export interface Assignor {
  /** As the members of the group call it; all of them must share one. */
  readonly name: string;
  /** `eager`: all partitions are given up before each round; `cooperative`: only those that move. */
  readonly protocol: 'eager' | 'cooperative';
}

/** A member, as the leader knows it. */
export interface GroupMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly string[];
  /** What it has, as of `generation` (-1 = it does not say). */
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
  readonly rack: string | null;
  readonly userData: Buffer | null;
}

/** In which racks a partition has its replicas; empty = not known. */
export type RacksOf = (topic: string, partition: number) => ReadonlySet<string>;

/** What the group itself needs of an assignor. */
export interface GroupAssignor extends Assignor {
  /** Who gets what, by member id; topics that do not exist are not in `partitions`. */
  assign(
    partitions: ReadonlyMap<string, number>,
    members: readonly GroupMember[],
    racksOf?: RacksOf,
  ): ReadonlyMap<string, readonly TopicPartition[]>;
  /** What a member tells the leader beside the protocol's own fields: `owned` is what it was given last, in `generation`. */
  userData?(owned: readonly TopicPartition[], generation: number): Buffer | null;
}
