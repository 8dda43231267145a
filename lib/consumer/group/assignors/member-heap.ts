/** Members with the one that comes first on top; those of one rank in order of their numbers. */
export class MemberHeap {
  readonly #members: number[] = [];
  readonly #rank: (member: number) => number;

  /** The order holds as long as only the member on top changes its rank, and `sink`s then. */
  constructor(members: Iterable<number>, rank: (member: number) => number) {
    this.#rank = rank;
    this.#members = [...members].sort((a, b) => rank(a) - rank(b) || a - b);
  }

  get top(): number | undefined {
    return this.#members[0];
  }

  /** The member on top leaves. */
  pop(): void {
    const last = this.#members.pop();
    if (last === undefined || this.#members.length === 0) return;
    this.#members[0] = last;
    this.sink();
  }

  /** The member on top goes to where it belongs by now. */
  sink(): void {
    const members = this.#members;
    const member = members[0];
    if (member === undefined) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= members.length) break;
      if (child + 1 < members.length && this.#before(members[child + 1]!, members[child]!)) child++;
      if (!this.#before(members[child]!, member)) break;
      members[at] = members[child]!;
      at = child;
    }
    members[at] = member;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#rank(a) - this.#rank(b);
    return difference < 0 || (difference === 0 && a < b);
  }
}
