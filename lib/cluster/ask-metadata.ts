import { catchError, map, throwError } from 'rxjs';
import type { Observable } from 'rxjs';
import { BrokerError, ConnectionError } from '../errors';
import type { Connection } from '../network/connection';
import { Metadata } from '../protocol/apis/metadata';
import { brokerError, codeOf } from '../protocol/error-table';
import type { BrokerAddress } from '../types';
import { isReachable } from './metadata';
import type { MetadataAnswer } from './metadata';
import { legible, otherCluster } from './right-cluster';

/** More brokers, or partitions of one topic, than any cluster has: who claims them wants our memory. */
const MOST_BROKERS = 10_000;
const MOST_PARTITIONS = 1_000_000;
const REBOOTSTRAP_REQUIRED = codeOf('REBOOTSTRAP_REQUIRED');

/** What to ask, and what to do when the answer is that we know nothing of use. */
export interface MetadataQuestion {
  readonly names: readonly string[];
  /** Whether the brokers may create what is missing (`allow.auto.create.topics`), if they are set up to. */
  readonly mayCreate: boolean;
  /** The cluster that we belong to; `null` = whichever answers. */
  readonly clusterId: string | null;
  /** The broker wants us to start over from the bootstrap addresses (KIP-1102). */
  readonly onRebootstrap: () => void;
}

/**
 * Asks one broker for metadata: one value. A broker that tells what cannot be true loses its connection, so that the next
 * attempt goes elsewhere. All errors are retriable but a broker's own and that of another cluster.
 */
export function askMetadata(connection: Connection, question: MetadataQuestion): Observable<MetadataAnswer> {
  const { names, mayCreate, clusterId, onRebootstrap } = question;
  const body = { topics: names.map(name => ({ name })), allowAutoTopicCreation: mayCreate };
  return connection.request(Metadata, body).pipe(
    map(answer => {
      if (answer.errorCode !== 0) throw brokerError(answer.errorCode, { api: 'Metadata' });
      if (clusterId !== null && answer.clusterId !== null && answer.clusterId !== clusterId)
        throw otherCluster(connection.broker, clusterId, answer.clusterId);
      return trusted(connection.broker, answer, new Set(names));
    }),
    catchError((error: unknown) => {
      if (error instanceof BrokerError && error.code === REBOOTSTRAP_REQUIRED) {
        onRebootstrap();
        const message = 'it has us start over from the bootstrap addresses';
        return throwError(() => new ConnectionError(connection.broker, 'protocol', message, { cause: error }));
      }
      const fault = legible(connection.broker, error);
      if (fault instanceof ConnectionError && fault.reason === 'protocol') connection.close('protocol');
      return throwError(() => fault);
    }),
  );
}

/**
 * What may be believed of an answer. A broker can name any host, so a node that nobody could dial is left out, and so is a
 * topic that was not asked for, since what is known of topics is kept for good.
 */
function trusted<A extends MetadataAnswer>(broker: BrokerAddress, answer: A, asked: ReadonlySet<string>): A {
  if (answer.brokers.length > MOST_BROKERS) throw unbelievable(broker, `${answer.brokers.length} brokers`);
  for (const { partitions } of answer.topics)
    for (const { partitionIndex } of partitions)
      if (partitionIndex < 0 || partitionIndex >= MOST_PARTITIONS)
        throw unbelievable(broker, `a partition ${partitionIndex}`);
  return {
    ...answer,
    brokers: answer.brokers.filter(isReachable),
    topics: answer.topics.filter(({ name }) => name !== null && asked.has(name)),
  };
}

function unbelievable(broker: BrokerAddress, what: string): ConnectionError {
  return new ConnectionError(broker, 'protocol', `its metadata cannot be believed: it tells of ${what}`);
}
