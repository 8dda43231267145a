import { readKey } from './record-fields';

/** Types of control records that a client knows; others exist, come to more, and are skipped. */
export const CONTROL = { abort: 0, commit: 1 } as const;

/** The type in a control record's key, at a cursor's `position`; -1 when the key is too short to have one. */
export function readControlType(frame: Buffer, position: number): number {
  const key = readKey(frame, position);
  return key !== null && key.length >= 4 ? key.readInt16BE(2) : -1;
}

/** The key and value of a transaction marker, for `buildBatch` with `control` and `transactional`. */
export function controlRecord(
  type: keyof typeof CONTROL,
  timestamp: number,
  coordinatorEpoch = 0,
): { readonly timestamp: number; readonly key: Buffer; readonly value: Buffer } {
  const key = Buffer.alloc(4);
  key.writeInt16BE(CONTROL[type], 2);
  const value = Buffer.alloc(6);
  value.writeInt32BE(coordinatorEpoch, 2);
  return { timestamp, key, value };
}
