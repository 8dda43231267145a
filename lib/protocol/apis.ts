import type { AnyApi } from './api';
import { AddOffsetsToTxn } from './apis/add-offsets-to-txn';
import { AddPartitionsToTxn } from './apis/add-partitions-to-txn';
import { ApiVersions } from './apis/api-versions';
import { ConsumerGroupDescribe } from './apis/consumer-group-describe';
import { ConsumerGroupHeartbeat } from './apis/consumer-group-heartbeat';
import { CreateAcls } from './apis/create-acls';
import { CreatePartitions } from './apis/create-partitions';
import { CreateTopics } from './apis/create-topics';
import { DeleteAcls } from './apis/delete-acls';
import { DeleteGroups } from './apis/delete-groups';
import { DeleteRecords } from './apis/delete-records';
import { DeleteTopics } from './apis/delete-topics';
import { DescribeAcls } from './apis/describe-acls';
import { DescribeCluster } from './apis/describe-cluster';
import { DescribeConfigs } from './apis/describe-configs';
import { DescribeGroups } from './apis/describe-groups';
import { EndTxn } from './apis/end-txn';
import { Fetch } from './apis/fetch';
import { FindCoordinator } from './apis/find-coordinator';
import { Heartbeat } from './apis/heartbeat';
import { IncrementalAlterConfigs } from './apis/incremental-alter-configs';
import { InitProducerId } from './apis/init-producer-id';
import { JoinGroup } from './apis/join-group';
import { LeaveGroup } from './apis/leave-group';
import { ListGroups } from './apis/list-groups';
import { ListOffsets } from './apis/list-offsets';
import { Metadata } from './apis/metadata';
import { OffsetCommit } from './apis/offset-commit';
import { OffsetFetch } from './apis/offset-fetch';
import { OffsetForLeaderEpoch } from './apis/offset-for-leader-epoch';
import { Produce } from './apis/produce';
import { SaslAuthenticate } from './apis/sasl-authenticate';
import { SaslHandshake } from './apis/sasl-handshake';
import { SyncGroup } from './apis/sync-group';
import { TxnOffsetCommit } from './apis/txn-offset-commit';

/** Every API that we speak, by Kafka's name for it: what `kafka.request` takes. */
export const apis = Object.freeze({
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  FindCoordinator,
  JoinGroup,
  Heartbeat,
  LeaveGroup,
  SyncGroup,
  DescribeGroups,
  ListGroups,
  SaslHandshake,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DeleteRecords,
  InitProducerId,
  OffsetForLeaderEpoch,
  AddPartitionsToTxn,
  AddOffsetsToTxn,
  EndTxn,
  TxnOffsetCommit,
  DescribeAcls,
  CreateAcls,
  DeleteAcls,
  DescribeConfigs,
  SaslAuthenticate,
  CreatePartitions,
  DeleteGroups,
  IncrementalAlterConfigs,
  DescribeCluster,
  ConsumerGroupHeartbeat,
  ConsumerGroupDescribe,
});

const byKey: ReadonlyMap<number, AnyApi> = new Map(Object.values(apis).map(api => [api.key, api]));

/** The API with this key, or `undefined` if we do not speak it. */
export function apiByKey(key: number): AnyApi | undefined {
  return byKey.get(key);
}
