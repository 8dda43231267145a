import type { BatchHeader } from '../../records/batch-header';
import { openBatch } from '../../records/batch-reader';
import { RecordCursor } from '../../records/record-cursor';
import { CONTROL, readControlType } from '../../records/control-record';
import type { TopicPartition } from '../../types';

/** A transaction that was aborted, as a Fetch response lists it: from this offset of its producer on, up to its abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** Which batches of one response are for the application; asked once per batch, in offset order. */
export type BatchFilter = (header: BatchHeader) => boolean;

/** Everything but markers: `read_uncommitted`, and `read_committed` where nothing was aborted, which is nearly always. */
const notControl: BatchFilter = header => !header.isControl;

/**
 * The filter for one partition of one response. A response lists every aborted transaction that reaches into it, so nothing has
 * to be remembered between two of them, also when the marker comes in a later one. The list is sorted here: not every broker does.
 */
export function batchFilter(
  records: Buffer,
  aborted: readonly AbortedTransaction[] | null,
  where: TopicPartition,
): BatchFilter {
  if (aborted === null || aborted.length === 0) return notControl;
  const coming = [...aborted].sort((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
  );
  const aborting = new Set<bigint>();
  let next = 0;
  return header => {
    // Up to the batch's *last* offset: an aborted transaction may begin inside of it.
    for (; next < coming.length && coming[next]!.firstOffset <= header.lastOffset; next++)
      aborting.add(coming[next]!.producerId);
    if (header.isControl) {
      // Only at its own abort marker: a commit marker of the same producer belongs to another transaction.
      if (aborting.has(header.producerId) && isAbortMarker(records, header, where)) aborting.delete(header.producerId);
      return false;
    }
    // A producer may write outside of transactions with the same id; those records stand.
    return !(header.isTransactional && aborting.has(header.producerId));
  };
}

/** A marker is some 80 bytes. */
const MAX_MARKER_BYTES = 64 * 1024;

function isAbortMarker(records: Buffer, header: BatchHeader, where: TopicPartition): boolean {
  const batch = openBatch(records, header, { maxInflatedBytes: MAX_MARKER_BYTES, where });
  const marker = new RecordCursor(batch);
  return marker.next() && readControlType(batch.frame, marker.position) === CONTROL.abort;
}
