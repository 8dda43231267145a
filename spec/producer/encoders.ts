import type { Encoder } from '../../lib/types';

export const utf8: Encoder<string> = { encode: value => Buffer.from(value) };
export function json<T>(): Encoder<T> {
  return { encode: value => Buffer.from(JSON.stringify(value)) };
}
