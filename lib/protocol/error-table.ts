import { BrokerError } from '../errors';

/** What an error code of Kafka means for whoever gets it. */
export interface ErrorInfo {
  readonly code: number;
  /** Kafka's name. */
  readonly name: string;
  /** The same request may succeed later. */
  readonly retriable: boolean;
  /** What we know of leaders, topics or the controller is out of date: refresh the metadata before the retry. */
  readonly refreshesMetadata: boolean;
  /** The coordinator is another one or none: look it up before the retry. */
  readonly refreshesCoordinator: boolean;
  /** In a transaction: it must be aborted, then the producer may go on. */
  readonly abortable: boolean;
  /** The producer, group member or connection that gets it cannot go on as it is: a new call would meet the same. */
  readonly fatal: boolean;
}

const RETRIABLE = 1;
const METADATA = 2;
const COORDINATOR = 4;
const ABORTABLE = 8;
const FATAL = 16;

// Retriable and what to refresh follow the exception classes of the Java client 4.4 (KIP-1050), with one addition:
// NOT_CONTROLLER refreshes the metadata, because that is where the controller's id comes from. Abortable and fatal are the
// reactions of the Java producer and consumer. Codes that want more than this (OUT_OF_ORDER_SEQUENCE_NUMBER,
// DUPLICATE_SEQUENCE_NUMBER, MEMBER_ID_REQUIRED, REBOOTSTRAP_REQUIRED, ...) are the business of their owners.
// prettier-ignore
const TABLE = [
  [-1, 'UNKNOWN_SERVER_ERROR'],
  [0, 'NONE'],
  [1, 'OFFSET_OUT_OF_RANGE'],
  [2, 'CORRUPT_MESSAGE', RETRIABLE],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', RETRIABLE | METADATA],
  [4, 'INVALID_FETCH_SIZE'],
  [5, 'LEADER_NOT_AVAILABLE', RETRIABLE | METADATA],
  [6, 'NOT_LEADER_OR_FOLLOWER', RETRIABLE | METADATA],
  [7, 'REQUEST_TIMED_OUT', RETRIABLE],
  [8, 'BROKER_NOT_AVAILABLE'],
  [9, 'REPLICA_NOT_AVAILABLE', RETRIABLE | METADATA],
  [10, 'MESSAGE_TOO_LARGE'],
  [11, 'STALE_CONTROLLER_EPOCH'],
  [12, 'OFFSET_METADATA_TOO_LARGE'],
  [13, 'NETWORK_EXCEPTION', RETRIABLE | METADATA],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', RETRIABLE],
  [15, 'COORDINATOR_NOT_AVAILABLE', RETRIABLE | COORDINATOR],
  [16, 'NOT_COORDINATOR', RETRIABLE | COORDINATOR],
  [17, 'INVALID_TOPIC_EXCEPTION'],
  [18, 'RECORD_LIST_TOO_LARGE'],
  [19, 'NOT_ENOUGH_REPLICAS', RETRIABLE],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', RETRIABLE],
  [21, 'INVALID_REQUIRED_ACKS'],
  [22, 'ILLEGAL_GENERATION', ABORTABLE],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', FATAL],
  [24, 'INVALID_GROUP_ID', FATAL],
  [25, 'UNKNOWN_MEMBER_ID', ABORTABLE],
  [26, 'INVALID_SESSION_TIMEOUT', FATAL],
  [27, 'REBALANCE_IN_PROGRESS'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', ABORTABLE],
  [30, 'GROUP_AUTHORIZATION_FAILED', ABORTABLE],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', FATAL],
  [32, 'INVALID_TIMESTAMP'],
  [33, 'UNSUPPORTED_SASL_MECHANISM', FATAL],
  [34, 'ILLEGAL_SASL_STATE', FATAL],
  [35, 'UNSUPPORTED_VERSION', FATAL],
  [36, 'TOPIC_ALREADY_EXISTS'],
  [37, 'INVALID_PARTITIONS'],
  [38, 'INVALID_REPLICATION_FACTOR'],
  [39, 'INVALID_REPLICA_ASSIGNMENT'],
  [40, 'INVALID_CONFIG'],
  [41, 'NOT_CONTROLLER', RETRIABLE | METADATA],
  [42, 'INVALID_REQUEST'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT'],
  [44, 'POLICY_VIOLATION'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', ABORTABLE],
  [46, 'DUPLICATE_SEQUENCE_NUMBER'],
  [47, 'INVALID_PRODUCER_EPOCH', ABORTABLE],
  [48, 'INVALID_TXN_STATE', FATAL],
  [49, 'INVALID_PRODUCER_ID_MAPPING', ABORTABLE],
  [50, 'INVALID_TRANSACTION_TIMEOUT', FATAL],
  [51, 'CONCURRENT_TRANSACTIONS', RETRIABLE],
  [52, 'TRANSACTION_COORDINATOR_FENCED', FATAL],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', FATAL],
  [54, 'SECURITY_DISABLED'],
  [55, 'OPERATION_NOT_ATTEMPTED'],
  [56, 'KAFKA_STORAGE_ERROR', RETRIABLE | METADATA],
  [57, 'LOG_DIR_NOT_FOUND'],
  [58, 'SASL_AUTHENTICATION_FAILED', FATAL],
  [59, 'UNKNOWN_PRODUCER_ID', ABORTABLE],
  [60, 'REASSIGNMENT_IN_PROGRESS'],
  [61, 'DELEGATION_TOKEN_AUTH_DISABLED'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED'],
  [66, 'DELEGATION_TOKEN_EXPIRED'],
  [67, 'INVALID_PRINCIPAL_TYPE'],
  [68, 'NON_EMPTY_GROUP'],
  [69, 'GROUP_ID_NOT_FOUND', ABORTABLE],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', RETRIABLE],
  [71, 'INVALID_FETCH_SESSION_EPOCH', RETRIABLE],
  [72, 'LISTENER_NOT_FOUND', RETRIABLE | METADATA],
  [73, 'TOPIC_DELETION_DISABLED'],
  [74, 'FENCED_LEADER_EPOCH', RETRIABLE | METADATA],
  [75, 'UNKNOWN_LEADER_EPOCH', RETRIABLE],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE'],
  [77, 'STALE_BROKER_EPOCH'],
  [78, 'OFFSET_NOT_AVAILABLE', RETRIABLE],
  [79, 'MEMBER_ID_REQUIRED'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', RETRIABLE | METADATA],
  [81, 'GROUP_MAX_SIZE_REACHED', FATAL],
  [82, 'FENCED_INSTANCE_ID', ABORTABLE | FATAL],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', RETRIABLE | METADATA],
  [84, 'ELECTION_NOT_NEEDED', RETRIABLE | METADATA],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC'],
  [87, 'INVALID_RECORD'],
  [88, 'UNSTABLE_OFFSET_COMMIT', RETRIABLE],
  [89, 'THROTTLING_QUOTA_EXCEEDED', RETRIABLE],
  [90, 'PRODUCER_FENCED', FATAL],
  [91, 'RESOURCE_NOT_FOUND'],
  [92, 'DUPLICATE_RESOURCE'],
  [93, 'UNACCEPTABLE_CREDENTIAL'],
  [94, 'INCONSISTENT_VOTER_SET'],
  [95, 'INVALID_UPDATE_VERSION'],
  [96, 'FEATURE_UPDATE_FAILED'],
  [97, 'PRINCIPAL_DESERIALIZATION_FAILURE'],
  [98, 'SNAPSHOT_NOT_FOUND'],
  [99, 'POSITION_OUT_OF_RANGE'],
  [100, 'UNKNOWN_TOPIC_ID', RETRIABLE | METADATA],
  [101, 'DUPLICATE_BROKER_REGISTRATION'],
  [102, 'BROKER_ID_NOT_REGISTERED'],
  [103, 'INCONSISTENT_TOPIC_ID', RETRIABLE | METADATA],
  [104, 'INCONSISTENT_CLUSTER_ID'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', RETRIABLE],
  [107, 'INELIGIBLE_REPLICA'],
  [108, 'NEW_LEADER_ELECTED'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE'],
  [110, 'FENCED_MEMBER_EPOCH'],
  [111, 'UNRELEASED_INSTANCE_ID'],
  [112, 'UNSUPPORTED_ASSIGNOR', FATAL],
  [113, 'STALE_MEMBER_EPOCH', ABORTABLE],
  [114, 'MISMATCHED_ENDPOINT_TYPE'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE'],
  [116, 'UNKNOWN_CONTROLLER_ID'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID'],
  [118, 'TELEMETRY_TOO_LARGE'],
  [119, 'INVALID_REGISTRATION'],
  [120, 'TRANSACTION_ABORTABLE', ABORTABLE],
  [121, 'INVALID_RECORD_STATE'],
  [122, 'SHARE_SESSION_NOT_FOUND', RETRIABLE],
  [123, 'INVALID_SHARE_SESSION_EPOCH', RETRIABLE],
  [124, 'FENCED_STATE_EPOCH'],
  [125, 'INVALID_VOTER_KEY'],
  [126, 'DUPLICATE_VOTER'],
  [127, 'VOTER_NOT_FOUND'],
  [128, 'INVALID_REGULAR_EXPRESSION', FATAL],
  [129, 'REBOOTSTRAP_REQUIRED'],
  [130, 'STREAMS_INVALID_TOPOLOGY'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH'],
  [132, 'STREAMS_TOPOLOGY_FENCED'],
  [133, 'SHARE_SESSION_LIMIT_REACHED', RETRIABLE],
  [134, 'GROUP_DELETION_FAILED'],
  [135, 'STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED'],
  [136, 'CONTROLLER_ID_NOT_REGISTERED'],
] as const satisfies readonly (readonly [code: number, name: string, flags?: number])[];

/** Kafka's name for an error. */
export type ErrorName = (typeof TABLE)[number][1];

/** Every error code of Kafka 4.4. */
export const ERRORS: ReadonlyMap<number, ErrorInfo> = new Map(
  TABLE.map(([code, name, flags = 0]: readonly [number, string, number?]) => [
    code,
    Object.freeze({
      code,
      name,
      retriable: (flags & RETRIABLE) !== 0,
      refreshesMetadata: (flags & METADATA) !== 0,
      refreshesCoordinator: (flags & COORDINATOR) !== 0,
      abortable: (flags & ABORTABLE) !== 0,
      fatal: (flags & FATAL) !== 0,
    }),
  ]),
);

const codes: ReadonlyMap<string, number> = new Map(TABLE.map(([code, name]) => [name, code]));

/** What is known about a code. One that a newer broker made up is called `UNKNOWN_<code>`, and not retried. */
export function errorOf(code: number): ErrorInfo {
  return (
    ERRORS.get(code) ?? {
      code,
      name: `UNKNOWN_${code}`,
      retriable: false,
      refreshesMetadata: false,
      refreshesCoordinator: false,
      abortable: false,
      fatal: false,
    }
  );
}

/** The code of an error by Kafka's name. Throws `TypeError` for a name that Kafka 4.4 does not have. */
export function codeOf(name: ErrorName): number {
  const code = codes.get(name);
  if (code === undefined) throw new TypeError(`Kafka has no error called ${name}`);
  return code;
}

/** The error for a code in a response. `message` is the broker's own text, `hint` what the user can do. */
export function brokerError(
  code: number,
  where: {
    readonly api: string;
    readonly topic?: string;
    readonly partition?: number;
    readonly message?: string | null;
    readonly hint?: string;
  },
): BrokerError {
  const { name, retriable } = errorOf(code);
  return new BrokerError({ ...where, code, error: name, retriable });
}
