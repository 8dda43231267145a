// Batches that Java wrote (`MemoryRecordsBuilder` and `DefaultRecordBatch` of kafka-clients 4.4.0, from data of our own),
// so that the reader is not judged by our own writer.

/** The time all of them begin at. */
export const JAVA_TIME = 1_700_000_000_000;

const hex = {
  /** Four records with gaps in their offsets, a null key, an empty key, a tombstone, a delta of 30 days and repeated headers. */
  none:
    '000000000000002a000000840000000702a2e063310000000000060000018bcfe568000000018c6a643000ffffffffffffff' +
    'ffffffffffffff000000041a000000046b310a66697273740056000902010c6e6f206b6579080a747261636506ceb1310a65' +
    '6d70747900086e756c6c010a74726163650232140080a0f6a7130a0001001a00020c0e6772c3bcc39f650000',
  /** The same, from a transaction, with a producer id beyond 2^53 and the last sequence there is. */
  gzip:
    '000000000000002a000000950000000702e12a85140011000000060000018bcfe568000000018c6a64300000200000000000' +
    '0100037fffffff000000041f8b08000000000000ff9362606060c936e44acb2c2a2e610863e06462e4c9cb57c84eade4e02a' +
    '294a4c4e653bb7d1902b35b7a0a4928123af3427871122cc6424c2d0b0e0db72612e0646062906261ebef4a2c37b0ecf4f65' +
    '600000d148cda653000000',
  /** The same, in Java's own stream of blocks (xerial). */
  snappy:
    '000000000000002a000000980000000702197d42840002000000060000018bcfe568000000018c6a643000ffffffffffffff' +
    'ffffffffffffff0000000482534e415050590000000001000000010000005353c81a000000046b310a666972737400560009' +
    '02010c6e6f206b6579080a747261636506ceb1310a656d70747900086e756c6c010a0517680232140080a0f6a7130a000100' +
    '1a00020c0e6772c3bcc39f650000',
  /** The same. */
  lz4:
    '000000000000002a000000930000000702cd4ada2f0003000000060000018bcfe568000000018c6a643000ffffffffffffff' +
    'ffffffffffffff0000000404224d18604082530000801a000000046b310a66697273740056000902010c6e6f206b6579080a' +
    '747261636506ceb1310a656d70747900086e756c6c010a74726163650232140080a0f6a7130a0001001a00020c0e6772c3bc' +
    'c39f65000000000000',
  /** The same, in a topic with LogAppendTime. */
  append:
    '000000000000002a0000008400000007028a619c840008000000060000018bcfe568000000018bcfe56be7ffffffffffffff' +
    'ffffffffffffff000000041a000000046b310a66697273740056000902010c6e6f206b6579080a747261636506ceb1310a65' +
    '6d70747900086e756c6c010a74726163650232140080a0f6a7130a0001001a00020c0e6772c3bcc39f650000',
  /** The marker that ends a transaction. */
  commit:
    '00000000000000320000004200000007026fd1794c0030000000000000018bcfe568000000018bcfe5680000000000000000' +
    '0c0001ffffffff000000012000000008000000010c00000000000400',
  /** One record in message format v1, as old topics still have it. */
  v1: '000000000000002a0000001839268c3301000000018bcfe56800000000016b0000000176',
  /** What compaction leaves of a batch of ten records that are all superseded. */
  empty:
    '0000000000000064000000310000000702687d0807001000000009ffffffffffffffff0000018bcfe5680000000000000000' +
    '0c00010000000500000000',
};

/** A fresh copy of one of the batches, to be spoilt at will. */
export function javaBatch(name: keyof typeof hex): Buffer {
  return Buffer.from(hex[name], 'hex');
}

/** What is in `none`, `gzip`, `snappy` and `append`: base offset 42, leader epoch 7. */
export const javaRecords = [
  { offset: 42, timestamp: JAVA_TIME, key: 'k1', value: 'first', headers: [] },
  {
    offset: 43,
    timestamp: JAVA_TIME - 5,
    key: null,
    value: 'no key',
    headers: [
      ['trace', 'α1'],
      ['empty', ''],
      ['null', null],
      ['trace', '2'],
    ] as [string, string | null][],
  },
  { offset: 47, timestamp: JAVA_TIME + 30 * 86_400_000, key: '', value: null, headers: [] },
  { offset: 48, timestamp: JAVA_TIME + 1, key: 'grüße', value: '', headers: [] },
];
