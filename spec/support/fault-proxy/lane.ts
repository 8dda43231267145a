import type { Socket } from 'node:net';

/** How bytes travel one way through a connection. */
export type Way =
  | { readonly kind: 'pass' }
  /** A black hole that may heal: nothing is read, so nothing is lost; TCP would have sent it again. */
  | { readonly kind: 'stall' }
  /** Read and thrown away, the end of the stream as well. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** So many bytes at a time: a trickle, or a narrow line. */
  | { readonly kind: 'trickle'; readonly bytes: number; readonly everyMs: number };

/** How a connection ends: in order, or with a reset. */
export type End = 'fin' | 'rst';

const PASS: Way = { kind: 'pass' };
/** A reset right behind bytes looks like an orderly end to who reads both at once: he is given time to read the bytes. */
const BEFORE_RESET_MS = 5;
/** More than this waiting, and no more is read. */
const HIGH_WATER_BYTES = 256 * 1024;

interface Item {
  readonly what: Buffer | End;
  readonly at: number;
}

/** One direction of one connection: takes bytes from a socket and gives them to another in its own way, in order. */
export class Lane {
  #way: Way = PASS;
  #queue: Item[] = [];
  #queued = 0;
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;
  #lastGivenAt = 0;
  #closed = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    to.on('drain', () => {
      this.#blocked = false;
      this.#run();
    });
  }

  set way(way: Way) {
    this.#way = way;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#run();
  }

  get stalled(): boolean {
    return this.#way.kind === 'stall';
  }

  /** Takes bytes, or the end of the stream, after all that came before. */
  push(what: Buffer | End): void {
    this.#queue.push({ what, at: performance.now() });
    if (typeof what !== 'string') this.#queued += what.length;
    this.#run();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #run(): void {
    while (!this.#closed && !this.#blocked && this.#timer === undefined && this.#queue.length > 0) {
      const way = this.#way;
      if (way.kind === 'stall') break;
      const { what, at } = this.#queue[0]!;
      if (way.kind === 'delay') {
        const left = at + way.ms - performance.now();
        if (left > 0) {
          this.#wait(left);
          break;
        }
      }
      const restMs = what === 'rst' ? this.#lastGivenAt + BEFORE_RESET_MS - performance.now() : 0;
      if (restMs > 0) {
        this.#wait(restMs);
        break;
      }
      if (way.kind === 'trickle' && typeof what !== 'string' && what.length > way.bytes) {
        this.#queue[0] = { what: what.subarray(way.bytes), at };
        this.#give(what.subarray(0, way.bytes));
        this.#wait(way.everyMs);
        break;
      }
      this.#queue.shift();
      if (way.kind === 'drop') this.#queued -= typeof what === 'string' ? 0 : what.length;
      else this.#give(what);
      if (way.kind === 'trickle') this.#wait(way.everyMs);
    }
    if (this.#way.kind === 'stall' || this.#queued > HIGH_WATER_BYTES) this.from.pause();
    else if (this.from.isPaused()) this.from.resume();
  }

  #give(what: Buffer | End): void {
    if (what === 'fin') this.to.end();
    else if (what === 'rst') this.to.resetAndDestroy();
    else {
      this.#queued -= what.length;
      this.#lastGivenAt = performance.now();
      this.#blocked = !this.to.write(what);
    }
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run();
    }, ms);
  }
}
