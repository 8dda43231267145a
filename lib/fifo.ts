/** Slots that an empty queue may keep. */
const KEPT = 1_024;

/** A queue: a ring that grows. Unlike `Array.prototype.shift`, which copies what is left, taking stays cheap however long it is. */
export class Fifo<T> {
  length = 0;
  private items: (T | undefined)[] = [undefined, undefined];
  private head = 0;

  /** The oldest; `undefined` when empty. */
  get first(): T | undefined {
    return this.items[this.head];
  }

  /** The one that is `index` behind the oldest; `undefined` beyond the end. */
  at(index: number): T | undefined {
    return index < this.length ? this.items[(this.head + index) & (this.items.length - 1)] : undefined;
  }

  push(item: T): void {
    if (this.length === this.items.length) this.grow();
    this.items[(this.head + this.length) & (this.items.length - 1)] = item;
    this.length++;
  }

  /** Takes the oldest; `undefined` when empty. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head] = undefined; // or the ring would keep it alive
    this.head = (this.head + 1) & (this.items.length - 1);
    // A burst is over: what it needed is not kept for ever.
    if (--this.length === 0 && this.items.length > KEPT) this.clear();
    return item;
  }

  clear(): void {
    this.items = [undefined, undefined];
    this.head = this.length = 0;
  }

  private grow(): void {
    const { items, head } = this;
    const grown = items.slice(head).concat(items.slice(0, head));
    while (grown.length < items.length * 2) grown.push(undefined);
    this.items = grown;
    this.head = 0;
  }
}
