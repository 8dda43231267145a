import { embeddedMessage } from '../embedded-message';
import { array, bytes, int32, string } from '../schema';

/** What the leader of a classic group gives a member, as `assignment` of SyncGroup. All versions are the same. */
export const ConsumerProtocolAssignment = embeddedMessage({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  fields: {
    assignedPartitions: array({ topic: string, partitions: array(int32) }),
    userData: bytes.nullable().default(null),
  },
});
