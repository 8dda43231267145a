/**
 * kafka-rx: an Apache Kafka client native to RxJS.
 *
 * The map of the house, from the ground up: `bytes/` (cursors, checksums), `protocol/` (what goes over the wire) and
 * `records/` (what is inside a batch), `network/` (one broker over one socket), `cluster/` (many brokers as one),
 * `producer/`, `consumer/` and `admin/`, `operators/` (for pipelines of records), and `kafka.ts`, which wires them.
 * `docs/architecture.md` tells why. The embedded cluster for tests is `kafka-rx/testing`.
 */
export { Kafka } from './kafka';
export type { KafkaOptions } from './options';
export { tcpTransport } from './network/tcp';
export { realRuntime } from './runtime';
export { apis } from './protocol/apis';

export type { Producer } from './producer/producer-api';
export type { Partitioner, ProducerOptions } from './producer/options';

export type { AssignedPartition, Assignment, Consumer, OffsetToCommit, PartitionLag } from './consumer/consumer-api';
export type { ConsumerOptions } from './consumer/options';
export { assignors } from './consumer/group/assignors/assignors';
export type { Assignor } from './consumer/group/assignors/assignor';

export type { Admin } from './admin/admin';
export type { NewTopic, TopicDescription, TopicResult } from './admin/topics';

export { handle } from './operators/handle';
export type { ErrorPolicy, HandleOptions, Outcome, Result, RetryOptions } from './operators/handle';
export { autoAck } from './operators/auto-ack';

export { json, nullable, utf8 } from './serdes';

export {
  AuthenticationError,
  BrokerError,
  BufferFullError,
  ClosedError,
  ConnectionError,
  ConsumerBusyError,
  DecodeError,
  DeliveryTimeoutError,
  FencedError,
  InvalidStateError,
  KafkaError,
  RequestTimeoutError,
  SendError,
  StalledError,
  UnsupportedVersionError,
} from './errors';

export type {
  ApiDefinition,
  BrokerAddress,
  Bytes,
  ByteStream,
  Compression,
  ConnectionState,
  ConnectionStatus,
  ConsumerBatch,
  ConsumerRecord,
  Decoder,
  DisconnectReason,
  Encoder,
  HeadersInput,
  KafkaEvent,
  Outgoing,
  Position,
  ProducerRecord,
  Purpose,
  RecordBatch,
  RecordHeaders,
  RecordMetadata,
  Route,
  Runtime,
  SaslOptions,
  Serde,
  Settleable,
  TopicPartition,
  TopicPartitionOffset,
  Transport,
} from './types';
