import { DecodeError } from '../../lib/errors';

/** Where a decoder was to look: what its refusals must say. */
export interface Place {
  readonly frameBytes: number;
  readonly api?: string;
  readonly version?: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: bigint;
}

/** Decodes; `undefined` if that went well, else the refusal. Anything but a `DecodeError` that names the place comes out. */
export function refusalOf(decode: () => unknown, place: Place): DecodeError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { frameBytes, ...names } = place;
    if (!(error.position >= 0 && error.position <= frameBytes))
      throw new Error(`position ${error.position} is not in the ${frameBytes} bytes`, { cause: error });
    for (const [name, value] of Object.entries(names))
      if (error[name as keyof typeof names] !== value)
        throw new Error(`the error does not say ${name} ${String(value)}: ${error.message}`, { cause: error });
    return error;
  }
}
