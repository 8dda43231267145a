import type { Compression } from '../../../lib/types';

// The encoders and decoders inside of other clients, called as they call them themselves.

/** Ours first. */
export const NAMES = ['kafka-rx', 'kafkajs', 'kafka-ts'] as const;

/** The same work as each client does it, where it can. */
export type Tasks = { readonly [name in (typeof NAMES)[number]]?: (() => unknown) | undefined };

type Decode = (frame: Buffer) => unknown;
const kafkajs = (version: string) =>
  require(`kafkajs/src/protocol/requests/${version}`) as { readonly decode: Decode } & ((request: object) => {
    encode(): Promise<{ readonly buffer: Buffer }>;
  });
const kafkaTs = (file: string) => require(`kafka-ts/dist/${file}`) as Record<string, any>;
// Its modules need each other: the whole has to be loaded before one of them.
require('kafka-ts');
const { Decoder } = kafkaTs('utils/decoder') as { Decoder: new (frame: Buffer) => unknown };
const { Encoder } = kafkaTs('utils/encoder') as { Encoder: new () => unknown };

/** kafkajs reads no version that has leader epochs, so it gets none. */
export function decodeMetadata(v13: Buffer): Tasks {
  const api = kafkaTs('api/metadata/v13')['METADATA_V13'];
  return { 'kafka-ts': () => api.response(new Decoder(v13)) };
}

/** What kafkajs can do without plugins. */
const KAFKAJS_CODECS: readonly Compression[] = ['none', 'gzip'];
const IDS: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

/** The records of a Fetch response of version 11 as well. kafka-ts takes keys and values for text, and kafkajs checks no CRC; neither does kafka-ts. */
export function decodeFetch(compression: Compression, v11: Buffer): Tasks {
  const { decode } = kafkajs('fetch/v11/response');
  const api = kafkaTs('api/fetch/v11')['FETCH_V11'];
  return {
    kafkajs: KAFKAJS_CODECS.includes(compression) ? () => decode(v11) : undefined,
    'kafka-ts': () => api.response(new Decoder(v11)),
  };
}

/** A Produce request of version 7 from records to bytes. kafka-ts compresses nothing it sends. */
export function encodeProduce(
  compression: Compression,
  { count, key, value, timestamp }: { count: number; key: Buffer; value: Buffer; timestamp: number },
): Tasks {
  const request = kafkajs('produce/v7/request');
  const messages = Array.from({ length: count }, (_, i) => ({ key, value, timestamp: timestamp + i, headers: {} }));
  const topicData = [{ topic: 'bench', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
  const api = kafkaTs('api/produce/v7')['PRODUCE_V7'];
  const [keyText, valueText] = [key.toString(), value.toString()];
  const batch = () => ({
    index: 0,
    baseOffset: 0n,
    partitionLeaderEpoch: -1,
    attributes: 0,
    lastOffsetDelta: count - 1,
    baseTimestamp: BigInt(timestamp),
    maxTimestamp: BigInt(timestamp + count - 1),
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    records: Array.from({ length: count }, (_, i) => ({
      attributes: 0,
      timestampDelta: BigInt(i),
      offsetDelta: i,
      key: keyText,
      value: valueText,
      headers: [],
    })),
  });
  return {
    kafkajs: KAFKAJS_CODECS.includes(compression)
      ? () => request({ acks: -1, timeout: 30_000, compression: IDS[compression], topicData }).encode()
      : undefined,
    'kafka-ts':
      compression === 'none'
        ? () =>
            api.request(new Encoder(), {
              transactionalId: null,
              acks: -1,
              timeoutMs: 30_000,
              topicData: [{ name: 'bench', partitionData: [batch()] }],
            })
        : undefined,
  };
}
