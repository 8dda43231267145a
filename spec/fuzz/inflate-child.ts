import { writeSync } from 'node:fs';
import { crc32c } from '../../lib/bytes/crc32c';
import { scanBatches } from '../../lib/records/batch-header';
import { BATCH } from '../../lib/records/batch-layout';
import { openBatch } from '../../lib/records/batch-reader';
import { buildBatch } from '../../lib/records/build-batch';
import { codecIdOf, codecOf } from '../../lib/records/compression/codecs';
import type { Compression } from '../../lib/types';
import { codecNames } from './targets/codecs';

// What a decompression bomb costs, in a process of its own, so that nothing else moves its memory.

/** One bomb. */
export interface InflateFigures {
  readonly codec: string;
  readonly bomb: string;
  readonly packedBytes: number;
  readonly inflatedBytes: number;
  readonly ms: number;
  /** Of the resident set. */
  readonly grownBytes: number;
  readonly error: string;
}

declare const gc: () => void;

const INFLATED = 100 << 20;

/** A batch around a stream that says whatever it says. */
function batchOf(codec: Compression, stream: Uint8Array): Buffer {
  const head = buildBatch([], { baseOffset: 9n }).subarray(0, BATCH.records);
  const batch = Buffer.concat([head, stream]);
  batch.writeInt32BE(batch.length - 12, BATCH.batchLength);
  batch.writeInt16BE(codecIdOf(codec), BATCH.attributes);
  batch.writeInt32BE(1, BATCH.recordCount);
  batch.writeUInt32BE(crc32c(batch.subarray(BATCH.attributes)), BATCH.crc);
  return batch;
}

function defuse(codec: Compression, bomb: string, batch: Buffer, inflatedBytes: number, limit: number): InflateFigures {
  gc();
  const before = process.memoryUsage().rss;
  const from = performance.now();
  let error = 'none';
  try {
    openBatch(batch, scanBatches(batch)[0]!, { maxInflatedBytes: limit, where: { topic: 'orders', partition: 3 } });
  } catch (thrown) {
    error = `${(thrown as Error).name}: ${(thrown as Error).message}`;
  }
  const ms = performance.now() - from;
  const grownBytes = process.memoryUsage().rss - before;
  return { codec, bomb, packedBytes: batch.length, inflatedBytes, ms, grownBytes, error };
}

function main(limit: number): void {
  const bombs = codecNames.map(codec => ({
    codec,
    batch: batchOf(codec, codecOf(codec)!.compress(Buffer.alloc(INFLATED))),
  }));
  const figures = bombs.map(({ codec, batch }) => defuse(codec, `${codec} of zeros`, batch, INFLATED, limit));
  // A raw block that claims 2^32 - 1 bytes, and one that claims as much as its length could be.
  const lies: readonly [string, number[], number][] = [
    ['snappy that claims 4 GiB', [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], 2 ** 32 - 1],
    ['snappy that claims what it could hold', [0x80, 0x80, 0x80, 0x01, ...Array<number>(40_000).fill(0xfe)], 1 << 21],
  ];
  for (const [bomb, stream, claimed] of lies)
    figures.push(defuse('snappy', bomb, batchOf('snappy', Buffer.from(stream)), claimed, limit));
  writeSync(1, `${JSON.stringify(figures)}\n`);
}

main(Number(process.argv[2]));
