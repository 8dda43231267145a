/** A queue. Unlike `Array.prototype.shift`, which copies what is left, taking stays cheap however long it is. */
export class Fifo<T> {
  private items: (T | undefined)[] = [];
  private at = 0;

  get length(): number {
    return this.items.length - this.at;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Only while `length` > 0. */
  shift(): T {
    const item = this.items[this.at] as T;
    this.items[this.at++] = undefined;
    if (this.at === this.items.length) {
      this.items.length = this.at = 0;
    } else if (this.at >= 64 && this.at * 2 >= this.items.length) {
      this.items = this.items.slice(this.at);
      this.at = 0;
    }
    return item;
  }

  clear(): void {
    this.items = [];
    this.at = 0;
  }
}
