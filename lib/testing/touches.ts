/** Tells of each topic that a request names, and each partition of it (`undefined` = the topic as a whole). */
export type Visit = (
  topic: { readonly name?: string | null; readonly id?: string },
  partition: number | undefined,
) => void;

/**
 * Walks over what a decoded request is about. Returns false when the request names no topics at all, or means all
 * of them: faults of a topic then do not tell it apart from others.
 */
export function visitTopics(api: string, body: any, visit: Visit): boolean {
  switch (api) {
    case 'Produce':
      for (const topic of body.topicData) {
        for (const { index } of topic.partitionData) visit({ name: topic.name, id: topic.topicId }, index);
      }
      return true;
    case 'Fetch':
      for (const { topic, topicId, partitions } of body.topics) {
        for (const { partition } of partitions) visit({ name: topic, id: topicId }, partition);
      }
      return true;
    case 'ListOffsets':
    case 'DeleteRecords':
    case 'OffsetCommit':
      for (const { name, topicId, partitions } of body.topics) {
        for (const { partitionIndex } of partitions) visit({ name, id: topicId }, partitionIndex);
      }
      return true;
    case 'OffsetFetch':
      for (const { topics } of [body, ...body.groups]) {
        for (const { name, topicId, partitionIndexes } of topics ?? []) {
          for (const partition of partitionIndexes) visit({ name, id: topicId }, partition);
        }
      }
      return true;
    case 'OffsetForLeaderEpoch':
      for (const { topic, partitions } of body.topics) {
        for (const { partition } of partitions) visit({ name: topic }, partition);
      }
      return true;
    case 'Metadata':
      if (body.topics === null) return false;
      for (const { name, topicId } of body.topics) visit({ name, id: topicId }, undefined);
      return true;
    case 'CreateTopics':
    case 'CreatePartitions':
      for (const { name } of body.topics) visit({ name }, undefined);
      return true;
    case 'DeleteTopics':
      for (const name of body.topicNames) visit({ name }, undefined);
      for (const { name, topicId } of body.topics) visit({ name, id: topicId }, undefined);
      return true;
    default:
      return false;
  }
}
