import type { RequestOf } from '../../lib/protocol/api';
import { type apis } from '../../lib/protocol/apis';
import { ConsumerProtocolSubscription } from '../../lib/protocol/messages/consumer-protocol-subscription';
import { buildBatch } from '../../lib/records/build-batch';

/** What the requests are about: a topic of three partitions, and a group that does not exist. */
export interface RequestSubject {
  readonly topic: string;
  readonly topicId: string;
  readonly group: string;
}

/** A body for each API that we declare, as the version wants it. */
export type EveryRequest = { readonly [K in keyof typeof apis]: (version: number) => RequestOf<(typeof apis)[K]> };

/**
 * One harmless request of each API. Some of them are errors (a member that is unknown, a coordinator that is another
 * broker): that a broker says so in its response means that it has understood every field.
 */
export function everyRequest({ topic, topicId, group }: RequestSubject): EveryRequest {
  const partitions = [0, 1, 2];
  const batch = buildBatch([{ timestamp: 1, key: 'k', value: 'v' }]);
  const member = { groupId: group, generationId: 1, memberId: 'nobody' };
  const transaction = { transactionalId: group, producerId: 1n, producerEpoch: 0 };
  const offsets = partitions.map(partitionIndex => ({ partitionIndex, committedOffset: 1n, committedMetadata: 'm' }));
  const acl = { operation: 3, permissionType: 3 };
  const filter = { resourceTypeFilter: 2, resourceNameFilter: topic, principalFilter: 'User:nobody', hostFilter: null };
  const resource = { resourceType: 2, resourceName: topic };
  return {
    Produce: () => ({
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{ name: topic, topicId, partitionData: partitions.map(index => ({ index, records: batch })) }],
    }),
    Fetch: () => ({
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          topic,
          topicId,
          partitions: partitions.map(partition => ({ partition, fetchOffset: 0n, partitionMaxBytes: 100_000 })),
        },
      ],
      rackId: 'rack1',
    }),
    ListOffsets: () => ({
      topics: [
        {
          name: topic,
          partitions: partitions.map(partitionIndex => ({ partitionIndex, timestamp: -1 - partitionIndex })),
        },
      ],
      timeoutMs: 1_000,
    }),
    Metadata: () => ({
      topics: [{ name: topic }],
      allowAutoTopicCreation: false,
    }),
    OffsetCommit: () => ({ groupId: group, topics: [{ name: topic, topicId, partitions: offsets }] }),
    OffsetFetch: version =>
      version <= 7
        ? { groupId: group, topics: [{ name: topic, partitionIndexes: partitions }] }
        : { groups: [{ groupId: group, topics: [{ name: topic, topicId, partitionIndexes: partitions }] }] },
    FindCoordinator: version => (version <= 3 ? { key: group } : { coordinatorKeys: [group] }),
    JoinGroup: () => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: 'nobody',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: ConsumerProtocolSubscription.encode(3, { topics: [topic] }) }],
      reason: 'to be refused',
    }),
    Heartbeat: () => member,
    LeaveGroup: version =>
      version <= 2 ? { groupId: group, memberId: 'nobody' } : { groupId: group, members: [{ memberId: 'nobody' }] },
    SyncGroup: () => ({ ...member, protocolType: 'consumer', protocolName: 'range' }),
    DescribeGroups: () => ({ groups: [group] }),
    ListGroups: version => (version >= 4 ? { statesFilter: ['Stable'] } : {}),
    SaslHandshake: () => ({ mechanism: 'PLAIN' }),
    ApiVersions: () => ({ clientSoftwareName: 'kafka-rx', clientSoftwareVersion: '1' }),
    CreateTopics: () => ({
      topics: [{ name: `${topic}-2`, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 5_000,
      validateOnly: true,
    }),
    DeleteTopics: version =>
      version <= 5
        ? { topicNames: [`${topic}-2`], timeoutMs: 5_000 }
        : { topics: [{ name: `${topic}-2` }], timeoutMs: 5_000 },
    DeleteRecords: () => ({
      topics: [{ name: topic, partitions: partitions.map(partitionIndex => ({ partitionIndex, offset: 0n })) }],
      timeoutMs: 5_000,
    }),
    InitProducerId: () => ({ transactionalId: null, transactionTimeoutMs: 60_000 }),
    OffsetForLeaderEpoch: () => ({
      replicaId: -1,
      topics: [{ topic, partitions: partitions.map(partition => ({ partition, leaderEpoch: 0 })) }],
    }),
    AddPartitionsToTxn: () => ({
      v3AndBelowTransactionalId: group,
      v3AndBelowProducerId: 1n,
      v3AndBelowProducerEpoch: 0,
      v3AndBelowTopics: [{ name: topic, partitions }],
    }),
    AddOffsetsToTxn: () => ({ ...transaction, groupId: group }),
    EndTxn: () => ({ ...transaction, committed: false }),
    TxnOffsetCommit: () => ({
      ...transaction,
      groupId: group,
      topics: [{ name: topic, topicId, partitions: offsets }],
    }),
    DescribeAcls: () => ({ ...filter, ...acl }),
    CreateAcls: () => ({ creations: [{ ...resource, ...acl, principal: 'User:nobody', host: '*' }] }),
    DeleteAcls: () => ({ filters: [{ ...filter, ...acl }] }),
    DescribeConfigs: version => ({
      resources: [{ ...resource, configurationKeys: null }],
      includeSynonyms: true,
      includeDocumentation: version >= 3,
    }),
    SaslAuthenticate: () => ({ authBytes: Buffer.from('\0nobody\0secret') }),
    CreatePartitions: () => ({
      topics: [{ name: topic, count: 4, assignments: null }],
      timeoutMs: 5_000,
      validateOnly: true,
    }),
    DeleteGroups: () => ({ groupsNames: [group] }),
    IncrementalAlterConfigs: () => ({
      resources: [{ ...resource, configs: [{ name: 'retention.ms', configOperation: 0, value: '3600000' }] }],
      validateOnly: true,
    }),
    DescribeCluster: () => ({}),
    ConsumerGroupHeartbeat: () => ({ groupId: group, memberId: 'nobody', memberEpoch: 1, topicPartitions: [] }),
    ConsumerGroupDescribe: () => ({ groupIds: [group], includeAuthorizedOperations: true }),
  };
}
