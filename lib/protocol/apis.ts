import type { AnyApi } from './api';
import { ApiVersions } from './apis/api-versions';
import { CreateTopics } from './apis/create-topics';
import { DeleteTopics } from './apis/delete-topics';
import { DescribeCluster } from './apis/describe-cluster';
import { Fetch } from './apis/fetch';
import { FindCoordinator } from './apis/find-coordinator';
import { Heartbeat } from './apis/heartbeat';
import { InitProducerId } from './apis/init-producer-id';
import { JoinGroup } from './apis/join-group';
import { LeaveGroup } from './apis/leave-group';
import { ListOffsets } from './apis/list-offsets';
import { Metadata } from './apis/metadata';
import { OffsetCommit } from './apis/offset-commit';
import { OffsetFetch } from './apis/offset-fetch';
import { Produce } from './apis/produce';
import { SaslAuthenticate } from './apis/sasl-authenticate';
import { SaslHandshake } from './apis/sasl-handshake';
import { SyncGroup } from './apis/sync-group';

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
  SaslHandshake,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  InitProducerId,
  SaslAuthenticate,
  DescribeCluster,
});

const byKey: ReadonlyMap<number, AnyApi> = new Map(Object.values(apis).map(api => [api.key, api]));

/** The API with this key, or `undefined` if we do not speak it. */
export function apiByKey(key: number): AnyApi | undefined {
  return byKey.get(key);
}
