import { embeddedMessage } from '../embedded-message';
import { array, bytes, int32, string } from '../schema';

/**
 * What a member of a classic group tells the leader, as `metadata` of JoinGroup: the topics it wants. v1 tells what it
 * has (KIP-429), v2 of which generation that is (KIP-792), v3 its rack (KIP-881).
 */
export const ConsumerProtocolSubscription = embeddedMessage({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  fields: {
    topics: array(string),
    userData: bytes.nullable().default(null),
    ownedPartitions: array({ topic: string, partitions: array(int32) })
      .since(1)
      .ignorable(),
    generationId: int32.since(2).default(-1).ignorable(),
    rackId: string.nullable().since(3).default(null).ignorable(),
  },
});
