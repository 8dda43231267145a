import type { BrokerError } from '../errors';
import { brokerError, codeOf } from '../protocol/error-table';
import type { TopicPartition } from '../types';
import type { MetadataSnapshot } from './metadata';

/** The node id of a partition's leader, or the error that says why there is none at the moment. */
export function leaderOf(metadata: MetadataSnapshot, { topic, partition }: TopicPartition): number | BrokerError {
  const known = metadata.topics.get(topic);
  const leader = known?.partitions[partition]?.leader;
  if (leader !== undefined && leader >= 0) return leader;
  if (known !== undefined && known.errorCode !== 0)
    return brokerError(known.errorCode, { api: 'Metadata', topic, partition });
  if (leader !== undefined) return brokerError(codeOf('LEADER_NOT_AVAILABLE'), { api: 'Metadata', topic, partition });
  const hint =
    known === undefined ? 'The topic does not exist (yet)' : `The topic has ${known.partitions.length} partitions`;
  return brokerError(codeOf('UNKNOWN_TOPIC_OR_PARTITION'), { api: 'Metadata', topic, partition, hint });
}
