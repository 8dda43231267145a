import type { Socket } from 'node:net';
import { FrameSplitter, type Piece } from './frame-splitter';
import { Lane, type End, type Way } from './lane';

export type Direction = 'requests' | 'replies';

/** What shall happen to the replies of an API. */
export interface ReplyFault {
  readonly apiKey: number;
  /** So many bytes of the reply pass, its length prefix counted; then the connection ends, or goes on without the rest of it. */
  readonly passBytes: number;
  readonly then: End | 'go on';
  /** How many replies are meant. */
  times: number;
}

/** A client's connection to a broker, through the proxy. */
export class ProxiedConnection {
  readonly #lanes: Record<Direction, Lane>;
  readonly #apiOf = new Map<number, number>();
  readonly #cuts = new Map<Direction, { left: number; readonly how: End }>();
  readonly #cutOff = new Set<Direction>();
  #dead = false;
  #fault: ReplyFault | undefined;
  /** Of the reply that passes in part; `undefined`: it passes whole. */
  #replyLeft: number | undefined;

  constructor(
    private readonly client: Socket,
    private readonly broker: Socket,
    private readonly faults: readonly ReplyFault[],
    private readonly onRequest: (apiKey: number) => void,
    onClosed: () => void,
  ) {
    this.#lanes = { requests: new Lane(client, broker), replies: new Lane(broker, client) };
    this.#relay(client, 'requests');
    this.#relay(broker, 'replies');
    let open = 2;
    for (const socket of [client, broker])
      socket.on('close', () => {
        open -= 1;
        if (open === 0) onClosed();
      });
  }

  /** Does not wake the dead. */
  shape(way: Way, direction: Direction): void {
    if (!this.#dead) this.#lanes[direction].way = way;
  }

  /** Half-open: neither side hears that this way leads nowhere any more. For good; the other way may still work. */
  deaden(directions: readonly Direction[]): void {
    this.#dead = true;
    for (const direction of directions) this.#lanes[direction].way = { kind: 'drop' };
  }

  /** Ends the connection after `bytes` more of that direction have passed. */
  cutAfter(bytes: number, direction: Direction, how: End): void {
    this.#cuts.set(direction, { left: bytes, how });
    if (bytes === 0) this.end(how);
  }

  end(how: End): void {
    for (const lane of Object.values(this.#lanes)) lane.close();
    for (const socket of [this.client, this.broker]) {
      if (how === 'rst') socket.resetAndDestroy();
      else socket.end();
    }
  }

  #relay(from: Socket, direction: Direction): void {
    const splitter = new FrameSplitter(direction);
    const lane = this.#lanes[direction];
    let ended = false;
    from.on('data', (chunk: Buffer) => {
      for (const piece of splitter.push(chunk)) this.#pass(piece, direction);
    });
    from.on('end', () => {
      ended = true;
      if (this.#dead) this.#buried(from);
      else lane.push('fin');
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      if (this.#dead) this.#buried(from);
      else if (!ended) lane.push('rst');
    });
  }

  /** A client that closes a dead connection knows that it is, and its sockets are ours to free; a broker's end is not heard. */
  #buried(from: Socket): void {
    if (from !== this.client) return;
    this.client.destroy();
    this.broker.destroy();
  }

  #pass(piece: Piece, direction: Direction): void {
    if (this.#cutOff.has(direction)) return;
    const { head } = piece;
    let { bytes } = piece;
    if (direction === 'requests' && head?.apiKey !== undefined) {
      this.#apiOf.set(head.correlationId!, head.apiKey);
      this.onRequest(head.apiKey);
    }
    if (direction === 'replies') {
      if (head !== undefined) this.#replyBegins(head.correlationId);
      if (this.#replyLeft !== undefined) bytes = this.#partOf(bytes);
    }
    const cut = this.#cuts.get(direction);
    if (cut === undefined) {
      if (bytes.length > 0) this.#lanes[direction].push(bytes);
      return;
    }
    if (bytes.length > 0) this.#lanes[direction].push(bytes.subarray(0, cut.left));
    cut.left -= bytes.length;
    if (cut.left <= 0) this.#cutNow(direction, cut.how);
  }

  #replyBegins(correlationId: number | undefined): void {
    const apiKey = correlationId === undefined ? undefined : this.#apiOf.get(correlationId);
    if (correlationId !== undefined) this.#apiOf.delete(correlationId);
    this.#fault = this.faults.find(fault => fault.apiKey === apiKey && fault.times > 0);
    this.#replyLeft = this.#fault?.passBytes;
    if (this.#fault !== undefined) this.#fault.times -= 1;
  }

  #partOf(bytes: Buffer): Buffer {
    const part = bytes.subarray(0, this.#replyLeft!);
    this.#replyLeft! -= part.length;
    if (this.#replyLeft === 0 && this.#fault!.then !== 'go on')
      this.#cuts.set('replies', { left: part.length, how: this.#fault!.then });
    return part;
  }

  /** The end goes behind the bytes that may still pass. */
  #cutNow(direction: Direction, how: End): void {
    this.#cutOff.add(direction);
    this.#lanes[direction].push(how);
    const other = direction === 'requests' ? this.client : this.broker;
    if (how === 'rst') other.resetAndDestroy();
    else other.end();
  }
}
