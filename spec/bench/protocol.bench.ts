import { Reader } from '../../lib/bytes/reader';
import { Writer } from '../../lib/bytes/writer';
import type { AnyApi } from '../../lib/protocol/api';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { Produce } from '../../lib/protocol/apis/produce';
import { quick, report } from './stage-report';

// What the schema engine costs: `npx tsx spec/bench/protocol.bench.ts`. Prints medians; gates on nothing.

const PARTITIONS = 1_000;
const uuid = 'AQIDBAUGBwgJCgsMDQ4PEA';

const metadata = {
  brokers: Array.from({ length: 6 }, (_, nodeId) => ({ nodeId, host: `broker-${nodeId}.kafka.test`, port: 9092 })),
  clusterId: 'a-cluster',
  topics: Array.from({ length: 10 }, (_, topic) => ({
    errorCode: 0,
    name: `topic-number-${topic}`,
    topicId: uuid,
    partitions: Array.from({ length: PARTITIONS / 10 }, (_, partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: partitionIndex % 6,
      leaderEpoch: 7,
      replicaNodes: [0, 1, 2],
      isrNodes: [0, 1, 2],
    })),
  })),
};

const fetched = {
  responses: Array.from({ length: 10 }, () => ({
    topicId: uuid,
    partitions: Array.from({ length: PARTITIONS / 10 }, (_, partitionIndex) => ({
      partitionIndex,
      errorCode: 0,
      highWatermark: 123_456_789n,
      lastStableOffset: 123_456_789n,
      logStartOffset: 0n,
      abortedTransactions: null,
      records: Buffer.alloc(100),
    })),
  })),
};

const produce = {
  acks: -1,
  timeoutMs: 30_000,
  topicData: [
    {
      topicId: uuid,
      partitionData: Array.from({ length: 100 }, (_, index) => ({
        index,
        records: [Buffer.alloc(61), Buffer.alloc(1_000)],
      })),
    },
  ],
};

function medianNs(work: () => unknown, rounds = quick ? 5 : 41): number {
  const until = process.hrtime.bigint() + 300_000_000n;
  let runs = 0;
  while (process.hrtime.bigint() < until) {
    work();
    runs++;
  }
  const each = Math.max(1, Math.ceil(runs / 30 / 4));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const from = process.hrtime.bigint();
    for (let i = 0; i < each; i++) work();
    times.push(Number(process.hrtime.bigint() - from) / each);
  }
  return times.sort((a, b) => a - b)[rounds >> 1]!;
}

function response(api: AnyApi, version: number, body: unknown): () => unknown {
  const writer = new Writer();
  api.encodeResponse(version, body, writer);
  const frame = writer.toBuffer();
  return () => api.decodeResponse(version, new Reader(frame));
}

for (const version of [9, 13]) {
  const name = `decode Metadata v${version}, ${PARTITIONS} partitions`;
  report({ stage: name, ns: medianNs(response(Metadata, version, metadata)) / PARTITIONS, per: 'partition' });
}
for (const version of [12, 18]) {
  const name = `decode Fetch v${version}, ${PARTITIONS} partitions`;
  report({ stage: name, ns: medianNs(response(Fetch, version, fetched)) / PARTITIONS, per: 'partition' });
}
const encode = (): unknown => {
  const writer = new Writer();
  Produce.encodeRequest(13, produce, writer);
  return writer.chunks();
};
report({ stage: 'encode Produce v13, 100 partitions', ns: medianNs(encode) / 100, per: 'partition' });
