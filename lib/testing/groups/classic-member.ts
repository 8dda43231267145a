import type { AsyncSubject, Unsubscribable } from 'rxjs';
import type { JoinAnswer, SyncAnswer } from './classic-answers';

/** An assignment strategy that a member supports, and what it tells the leader about itself under it. */
export interface ClassicProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** A JoinGroup request with what its version means. */
export interface JoinRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly ClassicProtocol[];
  /** v4: an id is given out first, so that a client that tries again does not become two members (KIP-394). */
  readonly requiresKnownId: boolean;
  /** v9: a static leader that comes back is told that there is nothing to assign (KIP-814). */
  readonly maySkipAssignment: boolean;
}

/** A member of a classic group, and the requests of it that wait for their answer. */
export interface ClassicMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly ClassicProtocol[];
  assignment: Buffer;
  /** It has not been through a join yet: its client may not even know its id. */
  isNew: boolean;
  join: AsyncSubject<JoinAnswer> | undefined;
  sync: AsyncSubject<SyncAnswer> | undefined;
  session: Unsubscribable | undefined;
}

/** A member that has just asked to join. */
export function newMember(memberId: string, request: JoinRequest, join: AsyncSubject<JoinAnswer>): ClassicMember {
  const { groupInstanceId, clientId, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  return {
    memberId,
    groupInstanceId,
    clientId,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocols: copied(request.protocols),
    assignment: Buffer.alloc(0),
    isNew: true,
    join,
    sync: undefined,
    session: undefined,
  };
}

/** The request's bytes are views of its frame, which is not ours to keep. */
export function copied(protocols: readonly ClassicProtocol[]): readonly ClassicProtocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }));
}

/** Whether a member says of itself what it said before. */
export function sameProtocols(a: readonly ClassicProtocol[], b: readonly ClassicProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, metadata }, index) => name === b[index]!.name && metadata.equals(b[index]!.metadata))
  );
}

/** What a member tells the leader under a protocol. */
export function metadataOf(protocols: readonly ClassicProtocol[], name: string | null): Buffer {
  return protocols.find(protocol => protocol.name === name)?.metadata ?? Buffer.alloc(0);
}
