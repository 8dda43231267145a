/** One thing that the library does right, taken out: at least one of the specs must fail then. */
export interface Mutant {
  /** What the broken library does, as a sentence. */
  readonly name: string;
  /** Each `find` must occur exactly once in its file, so that a mutant cannot get lost when code moves. */
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
  /** Files that should notice, the likeliest first: the rest is not run once one has failed. */
  readonly specs: readonly string[];
}

const link = 'lib/network/link.ts';
const slot = 'lib/cluster/slot.ts';
const frames = 'lib/network/frames.ts';
const pipeline = 'lib/network/pipeline.ts';

/** By the catalogue of faults: what every client has got wrong once. */
export const mutants: readonly Mutant[] = [
  {
    name: 'a new connection begins with what was left in the receive buffer of the one before',
    edits: [
      {
        file: frames,
        find: `    this.#sink = sink;
  }`,
        replace: `    this.#sink = sink;
    const left = FrameSplitter.left;
    FrameSplitter.left = this;
    if (left === undefined) return;
    this.#head.set(left.#head);
    this.#headBytes = left.#headBytes;
    this.#frame = left.#frame;
    this.#filled = left.#filled;
    this.#skipping = left.#skipping;
  }
  static left: FrameSplitter | undefined;`,
      },
      {
        file: frames,
        find: `    this.#chunk = NO_BYTES;
    this.#frame = undefined;
    this.#at = 0;`,
        replace: '    this.#chunk = NO_BYTES;\n    this.#at = 0;',
      },
    ],
    specs: ['spec/network/frames.spec.ts', 'spec/network/connection.spec.ts'],
  },
  {
    name: 'bytes of a socket are still read after its connection has ended',
    edits: [
      {
        file: link,
        find: `  #receive(chunk: Uint8Array): void {
    if (this.#state === 'disconnected') return;`,
        replace: '  #receive(chunk: Uint8Array): void {',
      },
      { file: link, find: '    this.#reading.unsubscribe();\n', replace: '' },
      {
        file: link,
        find: `    // 2. Drop the partial frame and what was never written.
    this.#splitter.stop();`,
        replace: '',
      },
    ],
    specs: ['spec/network/link.spec.ts', 'spec/network/connection-machine.spec.ts'],
  },
  {
    name: 'a connection that has ended can end once more',
    edits: [
      {
        file: link,
        find: `    if (this.#state === 'disconnected') return;
    // 0.`,
        replace: '    // 0.',
      },
    ],
    specs: ['spec/network/link.spec.ts', 'spec/network/connection.spec.ts'],
  },
  {
    name: 'a connection that is on its way out is still given to whoever asks for one',
    edits: [
      {
        file: slot,
        find: `          this.#connection = undefined;
          if (this.#phase !== 'closed') this.#phase = 'ending';`,
        replace: '',
      },
    ],
    specs: ['spec/cluster/slot.spec.ts', 'spec/cluster/slot-life.spec.ts'],
  },
  {
    name: 'a slot that was closed leaves its socket, and what it brings, alive',
    edits: [{ file: slot, find: '    if (!ending) this.#attempt.unsubscribe();\n', replace: '' }],
    specs: ['spec/cluster/slot.spec.ts', 'spec/cluster/slot-life.spec.ts'],
  },
  {
    name: 'requests in flight are not told that their connection has ended',
    edits: [{ file: link, find: 'this.cancelled = this.#pipeline.cancel();', replace: 'this.cancelled = 0;' }],
    specs: ['spec/network/link.spec.ts', 'spec/network/connection.spec.ts'],
  },
  {
    name: 'a frame may be as long as it says',
    edits: [{ file: frames, find: 'length >= 4 && length <= this.maxBytes', replace: 'length >= 4' }],
    specs: ['spec/network/frames.spec.ts'],
  },
  {
    name: 'a reply goes to the oldest request, whichever it answers',
    edits: [
      {
        file: pipeline,
        find: 'if (request?.correlationId === correlationId) return undefined;',
        replace: 'if (request !== undefined) return undefined;',
      },
    ],
    specs: ['spec/network/link.spec.ts', 'spec/faults/late-events.spec.ts'],
  },
  {
    name: 'a request that was given up makes room at once, and its late reply is the next one’s',
    edits: [
      {
        file: pipeline,
        find: '    request.fail(new RequestTimeoutError(',
        replace: '    this.#inFlight.shift();\n    request.fail(new RequestTimeoutError(',
      },
    ],
    specs: ['spec/network/pipeline.spec.ts', 'spec/network/connection.spec.ts'],
  },
  {
    name: 'a lost connection is made anew without a pause',
    edits: [
      {
        file: slot,
        find: 'if (wasConnected && this.#failures <= 1) return 0;',
        replace: 'return 0;',
      },
    ],
    specs: ['spec/cluster/slot.spec.ts'],
  },
  {
    name: 'the timer of a connection goes on after its end',
    edits: [
      {
        file: 'lib/network/deadlines.ts',
        find: `    this.#timer?.unsubscribe();
    this.#timer = undefined;
    for`,
        replace: '    for',
      },
    ],
    specs: ['spec/network/deadlines.spec.ts', 'spec/network/connection-machine.spec.ts'],
  },
  {
    name: 'after a stall of the event loop replies that have arrived are late',
    edits: [
      {
        file: 'lib/network/deadlines.ts',
        find: '      this.#looks = 0;\n      this.#lookAgain();',
        replace: '      this.#fire();',
      },
    ],
    specs: ['spec/network/deadlines.spec.ts', 'spec/network/connection-machine.spec.ts'],
  },
  {
    name: 'a connection that is half-open is trusted for ever',
    edits: [
      {
        file: link,
        find: '  halfOpen(forMs: number): void {',
        replace: '  halfOpen(forMs: number): void {\n    if (forMs >= 0) return;',
      },
    ],
    specs: ['spec/network/liveness.spec.ts', 'spec/network/link.spec.ts', 'spec/network/connection.spec.ts'],
  },
  {
    name: 'a batch is taken for whole whatever its CRC says',
    edits: [
      {
        file: 'lib/records/batch-reader.ts',
        find: '  if (actual === header.crc) return undefined;',
        replace: '  return undefined;',
      },
    ],
    specs: ['spec/records/batch-reader.spec.ts', 'spec/consumer/corrupt-batches.spec.ts'],
  },
  {
    name: 'records of aborted transactions are delivered',
    edits: [
      {
        file: 'lib/consumer/fetch/isolation.ts',
        find: 'return !(header.isTransactional && aborting.has(header.producerId));',
        replace: 'return true;',
      },
    ],
    specs: ['spec/consumer/fetch/isolation.spec.ts'],
  },
  {
    name: 'records behind the last stable offset are asked for',
    edits: [
      {
        file: 'lib/consumer/fetch/fetch-session.ts',
        find: "isolationLevel: options.isolation === 'read_committed' ? 1 : 0,",
        replace: 'isolationLevel: 0,',
      },
    ],
    specs: ['spec/consumer/fetch/isolation.spec.ts', 'spec/consumer/fetch/fetcher.spec.ts'],
  },
  {
    name: 'batches of a response are delivered in the wrong order',
    edits: [{ file: 'lib/consumer/fetch/arrivals.ts', find: '      run.push({', replace: '      run.unshift({' }],
    specs: ['spec/consumer/fetch/arrivals.spec.ts', 'spec/consumer/fetch/fetcher.spec.ts'],
  },
  {
    name: 'the commit passes records that nobody has acked',
    edits: [
      {
        file: 'lib/consumer/delivery/tracker.ts',
        find: '    if (sequence === this.head) {',
        replace: '    if (sequence >= this.head) {',
      },
    ],
    specs: ['spec/consumer/delivery/tracker.spec.ts'],
  },
  {
    name: 'a batch that is sent again takes a new sequence',
    edits: [
      {
        file: 'lib/producer/partition-queue.ts',
        find: '    } else if (batch.sequence < 0) {',
        replace: '    } else {',
      },
    ],
    specs: ['spec/producer/partition-queue.spec.ts', 'spec/producer/producer-order.spec.ts'],
  },
  {
    name: 'a topic that flaps in metadata loses what is known of its partitions',
    edits: [
      {
        file: 'lib/cluster/metadata.ts',
        find: 'const known = before !== undefined && errorOf(answer.errorCode).retriable ? before : undefined;',
        replace: 'const known: TopicMetadata | undefined = undefined as TopicMetadata | undefined;',
      },
    ],
    specs: ['spec/cluster/metadata.spec.ts'],
  },
  {
    name: 'an older leader replaces a newer one',
    edits: [
      {
        file: 'lib/cluster/metadata.ts',
        find: 'newest < 0 || leaderEpoch >= newest)',
        replace: 'newest < 0 || leaderEpoch >= 0)',
      },
    ],
    specs: ['spec/cluster/metadata.spec.ts'],
  },
];
