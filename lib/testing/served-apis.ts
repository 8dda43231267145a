import type { AnyApi } from '../protocol/api';
import { apis } from '../protocol/apis';
import { apiVersions, type AdvertisedApi } from './handlers/api-versions';
import { consumerGroupDescribe } from './handlers/consumer-group-describe';
import { consumerGroupHeartbeat } from './handlers/consumer-group-heartbeat';
import { createPartitions } from './handlers/create-partitions';
import { createTopics } from './handlers/create-topics';
import { deleteGroups } from './handlers/delete-groups';
import { deleteRecords } from './handlers/delete-records';
import { deleteTopics } from './handlers/delete-topics';
import { describeCluster } from './handlers/describe-cluster';
import { describeGroups } from './handlers/describe-groups';
import { fetch } from './handlers/fetch';
import { findCoordinator } from './handlers/find-coordinator';
import { heartbeat } from './handlers/heartbeat';
import { initProducerId } from './handlers/init-producer-id';
import { joinGroup } from './handlers/join-group';
import { leaveGroup } from './handlers/leave-group';
import { listGroups } from './handlers/list-groups';
import { listOffsets } from './handlers/list-offsets';
import { metadata } from './handlers/metadata';
import { offsetCommit } from './handlers/offset-commit';
import { offsetFetch } from './handlers/offset-fetch';
import { offsetForLeaderEpoch } from './handlers/offset-for-leader-epoch';
import { produce } from './handlers/produce';
import { syncGroup } from './handlers/sync-group';
import {
  LegacyCreateTopics,
  LegacyDeleteTopics,
  LegacyFetch,
  LegacyFindCoordinator,
  LegacyInitProducerId,
  LegacyListOffsets,
  LegacyMetadata,
  LegacyOffsetCommit,
  LegacyOffsetFetch,
  LegacyProduce,
} from './legacy-apis';
import { LegacyHeartbeat, LegacyJoinGroup, LegacyLeaveGroup, LegacySyncGroup } from './legacy-group-apis';
import type { Handler } from './request-context';

/** An API that the embedded brokers answer. */
export interface ServedApi {
  /** As advertised; of Produce, 0 to 2 are refused nevertheless, as by Kafka 4: librdkafka wants to see them. */
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The codec for a version; `undefined` = not served. */
  apiOf(version: number): AnyApi | undefined;
  readonly handle: Handler<AnyApi>;
}

const PRODUCE_ADVERTISED_FROM = 0;

const served: ReadonlyMap<number, ServedApi> = new Map([
  serve(apis.Produce, produce, LegacyProduce, PRODUCE_ADVERTISED_FROM),
  serve(apis.Fetch, fetch, LegacyFetch),
  serve(apis.ListOffsets, listOffsets, LegacyListOffsets),
  serve(apis.Metadata, metadata, LegacyMetadata),
  serve(apis.OffsetCommit, offsetCommit, LegacyOffsetCommit),
  serve(apis.OffsetFetch, offsetFetch, LegacyOffsetFetch),
  serve(apis.FindCoordinator, findCoordinator, LegacyFindCoordinator),
  serve(
    apis.ApiVersions,
    apiVersions(() => ADVERTISED),
  ),
  serve(apis.CreateTopics, createTopics, LegacyCreateTopics),
  serve(apis.DeleteTopics, deleteTopics, LegacyDeleteTopics),
  serve(apis.InitProducerId, initProducerId, LegacyInitProducerId),
  serve(apis.DescribeCluster, describeCluster),
  serve(apis.CreatePartitions, createPartitions),
  serve(apis.DeleteRecords, deleteRecords),
  serve(apis.OffsetForLeaderEpoch, offsetForLeaderEpoch),
  serve(apis.JoinGroup, joinGroup, LegacyJoinGroup),
  serve(apis.SyncGroup, syncGroup, LegacySyncGroup),
  serve(apis.Heartbeat, heartbeat, LegacyHeartbeat),
  serve(apis.LeaveGroup, leaveGroup, LegacyLeaveGroup),
  serve(apis.DescribeGroups, describeGroups),
  serve(apis.ListGroups, listGroups),
  serve(apis.DeleteGroups, deleteGroups),
  serve(apis.ConsumerGroupHeartbeat, consumerGroupHeartbeat),
  serve(apis.ConsumerGroupDescribe, consumerGroupDescribe),
]);

/** What ApiVersions tells. */
export const ADVERTISED: readonly AdvertisedApi[] = [...served].map(([apiKey, { minVersion, maxVersion }]) => ({
  apiKey,
  minVersion,
  maxVersion,
}));

/** The API with this key; `undefined` = not served. */
export function servedApi(key: number): ServedApi | undefined {
  return served.get(key);
}

/** `legacy` declares the versions below those of `api`, in the same decoded shape. */
function serve<A extends AnyApi>(
  api: A,
  handle: Handler<A>,
  legacy?: AnyApi,
  advertisedFrom = (legacy ?? api).versions[0],
): [number, ServedApi] {
  return [
    api.key,
    {
      minVersion: advertisedFrom,
      maxVersion: api.versions[1],
      apiOf: version =>
        [api, legacy].find(it => it !== undefined && version >= it.versions[0] && version <= it.versions[1]),
      handle: handle as Handler<AnyApi>,
    },
  ];
}
