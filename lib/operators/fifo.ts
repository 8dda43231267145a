/** A queue: a ring that grows. Unlike `Array.prototype.shift`, which copies what is left, taking stays cheap however long it is. */
export class Fifo<T> {
  length = 0;
  private items: (T | undefined)[] = [undefined, undefined];
  private at = 0;

  push(item: T): void {
    if (this.length === this.items.length) this.grow();
    this.items[(this.at + this.length) & (this.items.length - 1)] = item;
    this.length++;
  }

  /** Only while `length` > 0. */
  shift(): T {
    const item = this.items[this.at] as T;
    this.items[this.at] = undefined;
    this.at = (this.at + 1) & (this.items.length - 1);
    this.length--;
    return item;
  }

  clear(): void {
    this.items = [undefined, undefined];
    this.at = this.length = 0;
  }

  private grow(): void {
    const { items, at } = this;
    const grown = items.slice(at).concat(items.slice(0, at));
    while (grown.length < items.length * 2) grown.push(undefined);
    this.items = grown;
    this.at = 0;
  }
}
