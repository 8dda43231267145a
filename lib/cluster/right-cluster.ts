import { EMPTY, catchError, ignoreElements, map, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { ConnectionError, DecodeError } from '../errors';
import type { Connection } from '../network/connection';
import type { RequestOptions } from '../network/pipeline';
import { CLIENT_SOFTWARE } from '../network/negotiate';
import { ApiVersions } from '../protocol/apis/api-versions';
import { Metadata } from '../protocol/apis/metadata';
import { codeOf } from '../protocol/error-table';
import type { BrokerAddress } from '../types';

/** The first version that says whom we mean (KIP-1242). */
const NAMES_ITS_PEER = 5;
const NONE = 0;
const REBOOTSTRAP_REQUIRED = codeOf('REBOOTSTRAP_REQUIRED');
/** Set-up has one deadline for the whole of it. */
const OPTIONS: RequestOptions = Object.freeze({ timeoutMs: Infinity });

/**
 * Asks a new connection, before anything else travels on it, whether it leads where we think: addresses and ports are handed on to
 * others, and a topic of the same name would take our records there. Kafka 4.4 checks cluster and node id itself; an older broker
 * tells its cluster, and that it is another node shows in NOT_LEADER_OR_FOLLOWER and the like. Completes without a value;
 * errors with a `ConnectionError`: retriable for a known node, since metadata finds where that went, and not for a bootstrap
 * address, as nothing but another address will help there.
 */
export function rightCluster(connection: Connection, clusterId: string | null): Observable<never> {
  const { broker } = connection;
  if (clusterId === null) return EMPTY;
  const knowing = (connection.versionOf(ApiVersions) ?? 0) >= NAMES_ITS_PEER;
  if (broker.nodeId !== undefined && knowing) {
    const { name: clientSoftwareName, version: clientSoftwareVersion } = CLIENT_SOFTWARE;
    const body = { clientSoftwareName, clientSoftwareVersion, clusterId, nodeId: broker.nodeId };
    return connection.request(ApiVersions, body, OPTIONS).pipe(
      map(({ errorCode }) => {
        if (errorCode === REBOOTSTRAP_REQUIRED)
          throw new ConnectionError(
            broker,
            'protocol',
            `another broker, or one of another cluster, answers there by now`,
          );
        if (errorCode !== NONE)
          throw new ConnectionError(broker, 'protocol', `ApiVersions was answered with error ${errorCode}`);
      }),
      catchError((error: unknown) => throwError(() => legible(broker, error))),
      ignoreElements(),
    );
  }
  return connection.request(Metadata, { topics: [] }, OPTIONS).pipe(
    map(answer => {
      if (answer.clusterId !== null && answer.clusterId !== clusterId)
        throw otherCluster(broker, clusterId, answer.clusterId);
    }),
    catchError((error: unknown) => throwError(() => legible(broker, error))),
    ignoreElements(),
  );
}

/** The error of an address that leads to another cluster than it used to. */
export function otherCluster(broker: BrokerAddress, clusterId: string, found: string): ConnectionError {
  const message = `cluster ${found} answers there, but this client belongs to cluster ${clusterId}. Nothing was sent; correct "brokers", or make a new Kafka for the other cluster`;
  return new ConnectionError(broker, 'protocol', message, { retriable: broker.nodeId !== undefined });
}

/** What one broker garbles another may tell, or the same one next time. */
export function legible(broker: BrokerAddress, error: unknown): unknown {
  if (!(error instanceof DecodeError)) return error;
  return new ConnectionError(broker, 'protocol', `an answer cannot be read (${error.message})`, { cause: error });
}
