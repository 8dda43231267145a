import type { FuzzTarget } from './fuzz';
import { codecRoundTrip, hostileStreams } from './targets/codecs';
import { frames } from './targets/frames';
import { groupBlobs } from './targets/group-blobs';
import { bitFlips, garbage, lengthBombs, roundTrip, truncation } from './targets/messages';
import { batches, crcFlips, hostileBatches, noBatches } from './targets/records';
import { varints } from './targets/varints';

/** Everything that is fuzzed, from the socket to the record. */
export const targets: readonly FuzzTarget[] = [
  frames,
  varints,
  roundTrip,
  truncation,
  bitFlips,
  lengthBombs,
  garbage,
  codecRoundTrip,
  hostileStreams,
  batches,
  hostileBatches,
  crcFlips,
  noBatches,
  groupBlobs,
];
