import { BehaviorSubject } from 'rxjs';
import type { Observable } from 'rxjs';

/** How much the producer holds: bytes of records accepted and not yet settled, and whether `send` would be refused. */
export interface PressureLevel {
  readonly bufferedBytes: number;
  readonly full: boolean;
}

/** Counts the buffered bytes. Tells the world once per turn, and at once when the buffer gets full or has room again. */
export class Pressure {
  #bytes = 0;
  #full = false;
  readonly #limit: number;
  readonly #levels = new BehaviorSubject<PressureLevel>({ bufferedBytes: 0, full: false });

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Hot, replays the current value; completes when the producer is closed. */
  get levels(): Observable<PressureLevel> {
    return this.#levels.asObservable();
  }

  get full(): boolean {
    return this.#full;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#full && this.#bytes >= this.#limit) this.#turn(true);
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#full && this.#bytes < this.#limit) this.#turn(false);
  }

  publish(): void {
    if (this.#levels.value.bufferedBytes !== this.#bytes) this.#tell();
  }

  complete(): void {
    this.publish();
    this.#levels.complete();
  }

  #turn(full: boolean): void {
    this.#full = full;
    this.#tell();
  }

  #tell(): void {
    this.#levels.next({ bufferedBytes: this.#bytes, full: this.#full });
  }
}
