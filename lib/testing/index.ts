/** `kafka-rx/testing`: a Kafka cluster inside the process, and virtual time for clients that talk to it. */
export { EmbeddedCluster, type EmbeddedClusterAccess, type EmbeddedClusterOptions } from './embedded-cluster';
export type { FaultEffect, FaultMatch } from './faults';
export type { OpenTransaction } from './open-transaction';
export type { JournalEntry } from './broker';
export type { ListenOptions } from './listen';
export type { AppendedRecord, LoggedRecord } from './stored-records';
export { runVirtual, type VirtualHelpers, type VirtualOptions } from './virtual';
