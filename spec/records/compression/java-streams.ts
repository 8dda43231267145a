// Streams that Java wrote (lz4-java 1.11 and zstd-jni 1.5.7, as kafka-clients 4.4.0 brings them), from data of our own.

/** 400 bytes that repeat themselves. */
export const text = Buffer.from('to be or not to be, '.repeat(20));

/** The same, and bytes that do not. */
export const data = Buffer.concat([
  text,
  Buffer.from(
    '99170fbb183477a35a94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98e' +
      'e81edf7fae40bfe793d9',
    'hex',
  ),
]);

const hex = {
  /** `data` with block and content checksums and the content size, in blocks of up to 64 KiB. */
  lz4Size4:
    '04224d187c40cc01000000000000d357000000d1746f206265206f72206e6f74200d00122c07000f1400ff65f02d99170fbb' +
    '183477a35a94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98ee81edf7f' +
    'ae40bfe793d9ed727f7c00000000632a7bd2',
  /** `data` with block and content checksums and the content size, in blocks of up to 256 KiB. */
  lz4Size5:
    '04224d187c50cc01000000000000aa57000000d1746f206265206f72206e6f74200d00122c07000f1400ff65f02d99170fbb' +
    '183477a35a94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98ee81edf7f' +
    'ae40bfe793d9ed727f7c00000000632a7bd2',
  /** `data` with block and content checksums and the content size, in blocks of up to 1 MiB. */
  lz4Size6:
    '04224d187c60cc010000000000004b57000000d1746f206265206f72206e6f74200d00122c07000f1400ff65f02d99170fbb' +
    '183477a35a94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98ee81edf7f' +
    'ae40bfe793d9ed727f7c00000000632a7bd2',
  /** `data` with block and content checksums and the content size, in blocks of up to 4 MiB. */
  lz4Size7:
    '04224d187c70cc01000000000000fb57000000d1746f206265206f72206e6f74200d00122c07000f1400ff65f02d99170fbb' +
    '183477a35a94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98ee81edf7f' +
    'ae40bfe793d9ed727f7c00000000632a7bd2',
  /** `data` in two blocks, a compressed one and a stored one, as Kafka has it: without any checksum. */
  lz4Blocks:
    '04224d186040821f000000d1746f206265206f72206e6f74200d00122c07000f1400ff60502062652c203c00008099170fbb' +
    '183477a35a94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98ee81edf7f' +
    'ae40bfe793d900000000',
  /** `data` in two blocks, with a checksum and without its size, as Kafka has it. */
  zstdStream:
    '28b52ffd0458ec000098746f206265206f72206e6f7420746f2062652c020074371528ac8401e1010099170fbb183477a35a' +
    '94c9bf390b770209d32a595d4a987d41f4b3e592471abe05194bb55dcab3910016175aa147e1f3e98ee81edf7fae40bfe793' +
    'd924381b5d',
  /** `text` with its size, in a single segment. */
  zstdSized: '28b52ffd609000dd0000a0746f206265206f72206e6f7420746f2062652c200100f24e9d4c',
  /** `text` with a window of 128 MiB. */
  zstdLevel22: '28b52ffd0088dd0000a0746f206265206f72206e6f7420746f2062652c200100f24e9d4c',
  /** 300,000 zeros. */
  zstdZeros: '28b52ffda0e09304005400001000000100fbff39c00202001000039f0400',
  /** Nothing. */
  zstdEmpty: '28b52ffd2000010000',
  /** `words`, with literals and sequences in codes of their own. */
  zstdWords:
    '28b52ffd605a09f505005403636c69656e742e207265636f72642062726f6b6572206b6579206c656164657267726f757020' +
    '6865706f63682e2e202e2e2e2e2e2e3920d0c221a2db5ec8f507ff00350dfc034a35781d28ef0be680640dce07b8ad413900' +
    '5c3cef3f414d032c81e902ea034b2f8025100be80e48d2e047d8e578e504750d7209300ecfcc28cd3b40865201e7013befe1' +
    '676838ee9f585803fbc0811adca1073c8611c288a204f316b6caf03d035003a63214c88034608adc0559a1e4703b0c8a584f',
};

/** One of the streams. */
export function javaStream(name: keyof typeof hex): Buffer {
  return Buffer.from(hex[name], 'hex');
}

const VOCABULARY = 'client broker topic partition offset leader epoch record batch header key value group member';

/** 400 words in an order that has no period. */
export const words = Buffer.from(
  Array.from({ length: 400 }, (_, i) => {
    const all = VOCABULARY.split(' ');
    return all[(i * 7 + Math.floor((i * i) / 3)) % all.length] + (i % 10 === 0 ? '. ' : ' ');
  }).join(''),
);
