import type { Observable } from 'rxjs';
import type { DecodedRequestOf, ResponseInputOf } from '../protocol/api';
import type { ClusterState } from './cluster-state';

/** Where a client reaches a broker. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What a handler knows about the request beyond its body. */
export interface RequestContext {
  readonly cluster: ClusterState;
  /** The broker that was asked. */
  readonly broker: number;
  readonly version: number;
  readonly clientId: string | null;
  /** The address to advertise on the connection that the request came over. */
  endpointOf(broker: number): Endpoint;
  /** The client went away: long polls end. */
  readonly gone: Observable<unknown>;
  /**
   * The error code that a fault script wants here; 0 = none. Without a topic: for the request as a whole. With a topic
   * and no partition: for the topic as a whole. With both: for the partition, and then wider faults count, too.
   */
  errorFor(topic?: string, partition?: number): number;
}

/** What a handler answers: a response, now or later; `no-reply` as for acks 0, or `close` for a request that a broker hangs up on. */
export type Reply<R> = R | 'no-reply' | 'close';

/** Answers the requests of one API. Emits at most once when it answers later. */
export type Handler<A> = (
  request: DecodedRequestOf<A>,
  context: RequestContext,
) => Reply<ResponseInputOf<A>> | Observable<Reply<ResponseInputOf<A>>>;
