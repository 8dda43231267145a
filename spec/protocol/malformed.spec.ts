import { Reader } from '../../lib/bytes/reader';
import { DecodeError } from '../../lib/errors';
import type { AnyApi } from '../../lib/protocol/api';
import { apis } from '../../lib/protocol/apis';
import { encodeResponseFrame } from '../../lib/protocol/header';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { seeded } from './message-oracle';

// A peer may send anything. Whatever the bytes are, decoding them ends in a message or in a DecodeError that says where.

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 200);

/** Decodes, and says whether it was refused. Any other error than a DecodeError within the frame comes out. */
function refuses(decode: (reader: Reader) => unknown, frame: Buffer): boolean {
  try {
    decode(new Reader(frame));
    return false;
  } catch (error) {
    if (!(error instanceof DecodeError) || error.position < 0 || error.position > frame.length) throw error;
    return true;
  }
}

describe.each(Object.values(apis) as AnyApi[])('$name', api => {
  it('ends random bytes in a message or a DecodeError', () => {
    const random = seeded(api.key);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // Mostly small bytes, so that lengths and counts are often plausible and decoding gets deep.
      const frame = Buffer.from(
        Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(256 * random() ** 6)),
      );
      for (let version = api.versions[0]; version <= api.versions[1]; version++) {
        if (refuses(reader => api.decodeResponse(version, reader), frame)) refused++;
        if (refuses(reader => api.decodeRequest(version, reader), frame)) refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe('a response with one fault', () => {
  const broker = { nodeId: 1, host: 'a.test', port: 9092, rack: 'r' };
  const partition = { errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1, 2], isrNodes: [1] };
  const topicId = 'AQIDBAUGBwgJCgsMDQ4PEA';
  const fetched = {
    partitionIndex: 0,
    errorCode: 6,
    highWatermark: 1n,
    currentLeader: { leaderId: 2, leaderEpoch: 3 },
    abortedTransactions: [{ producerId: 1n, firstOffset: 2n }],
    records: Buffer.alloc(20, 1),
  };
  const frames: [string, AnyApi, number, Buffer][] = [7, 12].flatMap(version => [
    [
      'Metadata',
      Metadata,
      version,
      Buffer.concat(
        encodeResponseFrame(Metadata, version, 1, {
          brokers: [broker],
          topics: [{ errorCode: 0, name: 't', topicId, partitions: [partition] }],
        }),
      ).subarray(version < 9 ? 8 : 9),
    ],
    [
      'Fetch',
      Fetch,
      version + 4,
      Buffer.concat(
        encodeResponseFrame(Fetch, version + 4, 1, {
          responses: [
            { topic: 't', topicId, partitions: [version < 8 ? { ...fetched, currentLeader: undefined } : fetched] },
          ],
          nodeEndpoints: version < 8 ? undefined : [broker],
        }),
      ).subarray(version < 8 ? 8 : 9),
    ],
  ]);

  it.each(frames)('%s: is refused when it is cut off anywhere', (_, api, version, frame) => {
    expect(refuses(reader => api.decodeResponse(version, reader), frame)).toBe(false);
    for (let length = 0; length < frame.length; length++) {
      expect([length, refuses(reader => api.decodeResponse(version, reader), frame.subarray(0, length))]).toEqual([
        length,
        true,
      ]);
    }
  });

  it.each(frames)('%s: ends in a message or a DecodeError when one byte is another', (_, api, version, frame) => {
    for (let at = 0; at < frame.length; at++) {
      for (const value of [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff]) {
        const broken = Buffer.from(frame);
        broken[at] = value;
        refuses(reader => api.decodeResponse(version, reader), broken);
      }
    }
  });
});
