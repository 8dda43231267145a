// The package types its main entry only.
declare module 'crc-32/crc32c' {
  export function buf(data: Uint8Array, seed?: number): number;
}
