import { DecodeError } from '../../lib/errors';
import { BATCH } from '../../lib/records/batch-layout';
import type { EmbeddedCluster } from '../../lib/testing/index';
import { print } from '../support/print';
import { consuming } from './consuming';

const TOPIC = 'orders';
const PARTITION = { topic: TOPIC, partition: 0 };

/** The batches of the log, as they lie there: a changed byte is what a disk does to them. */
const batchesOf = (cluster: EmbeddedCluster) => cluster['state'].partition(TOPIC, 0)!.log.batches;

const lookedAtOf = (batch: Buffer): number => (process.env['KAFKA_RX_FULL'] === 'true' ? batch.length : BATCH.records);

interface Outcome {
  readonly records: string[];
  readonly error: unknown;
}

/** Reads a log of three batches, offsets 0–1, 2–4 and 5–6, from `offset` on, with something done to the batch in the middle. */
function readWith(change: (batch: Buffer) => void, offset: bigint, log: 'plain' | 'transactions'): Outcome {
  const records: string[] = [];
  let error: unknown;
  consuming({ topics: { [TOPIC]: 1 }, forMs: 3_000 }, ({ cluster, consumer }) => {
    if (log === 'plain') {
      cluster.append(TOPIC, 0, [{ value: 'a' }, { value: 'b' }]);
      cluster.append(TOPIC, 0, [{ value: 'c' }, { value: 'd' }, { value: 'e' }]);
      cluster.append(TOPIC, 0, [{ value: 'f' }, { value: 'g' }]);
    } else {
      // Aborted, its marker at 2; the one behind it would be dropped, too, if the marker were misread.
      cluster.append(TOPIC, 0, [{ value: 'a' }, { value: 'b' }], { transaction: 'aborted' });
      cluster.append(TOPIC, 0, [{ value: 'f' }, { value: 'g' }], { transaction: 'committed' });
    }
    change(batchesOf(cluster)[1]!.bytes);
    consumer({ isolation: 'read_committed' })
      .assign([{ ...PARTITION, offset }])
      .records.subscribe({ next: record => records.push(`${record.offset}`), error: thrown => (error = thrown) });
  });
  return { records, error };
}

describe.each([
  ['of records', 'plain', 0n, ['0', '1']],
  // Where a batch ends says what of it is wanted: with a shorter one it seems to lie before the position as a whole.
  ['of records, from its middle on', 'plain', 4n, []],
  ['of a marker', 'transactions', 0n, []],
] as const)('a batch %s', (_, log, offset, before) => {
  it('with any one bit flipped behind its CRC, or in it, ends the view with topic, partition and offset, and is never passed', () => {
    const healthy = readWith(() => undefined, offset, log);
    expect(healthy.error).toBeUndefined();
    expect(healthy.records.at(-1)).toBe(log === 'plain' ? '6' : '4');
    let flips = 0;
    let bits = 8 * BATCH.crc + 1;
    for (let bit = 8 * BATCH.crc; bit < bits; bit++, flips++) {
      const flip = (batch: Buffer): void => {
        // The bits of the records are the same in all three, which CI looks at again.
        bits = 8 * (offset === 0n && log === 'plain' ? batch.length : lookedAtOf(batch));
        batch[bit >> 3]! ^= 1 << (bit & 7);
      };
      const { records, error } = readWith(flip, offset, log);
      const place = { bit, records, error: String(error) };
      expect({ ...place, refused: error instanceof DecodeError }).toEqual({ ...place, refused: true });
      expect(error).toMatchObject({ ...PARTITION, offset: 2n, position: expect.any(Number) });
      // The good batch before it was delivered; nothing of the bad one, and nothing behind.
      expect({ bit, records }).toEqual({ bit, records: before });
    }
    print(`${flips} flips, ${flips} errors`);
  });
});
