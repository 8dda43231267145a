/** A place in the pipeline: a broker answers one connection strictly in order. */
export interface Place {
  readonly correlationId: number;
}

/**
 * The requests of one connection that wait for their reply, oldest first. A place stays until its reply has come, also
 * when nobody wants the reply any more: only so are the later replies told apart.
 */
export class InFlight<P extends Place> {
  #ring: (P | undefined)[] = new Array<P | undefined>(16).fill(undefined);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest: the one the broker is working on. */
  get head(): P | undefined {
    return this.#ring[this.#first];
  }

  push(place: P): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#size) & (this.#ring.length - 1)] = place;
    this.#size += 1;
  }

  shift(): P | undefined {
    const place = this.#ring[this.#first];
    if (place === undefined) return undefined;
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#size -= 1;
    return place;
  }

  /** Visits all, oldest first. `visit` must not add or remove. */
  forEach(visit: (place: P) => void): void {
    for (let i = 0; i < this.#size; i += 1) visit(this.#ring[(this.#first + i) & (this.#ring.length - 1)]!);
  }

  #grow(): void {
    const old = this.#ring;
    const ring = new Array<P | undefined>(old.length * 2).fill(undefined);
    for (let i = 0; i < this.#size; i += 1) ring[i] = old[(this.#first + i) & (old.length - 1)];
    this.#ring = ring;
    this.#first = 0;
  }
}
