import { scanBatches } from '../../records/batch-header';
import { crcFault } from '../../records/batch-reader';
import { DecodeError } from '../../errors';
import type { ResponseOf } from '../../protocol/api';
import type { Fetch } from '../../protocol/apis/fetch';
import type { PartitionState } from '../partition-state';
import { batchFilter } from './isolation';
import type { FetchedBatch } from './fetched-batch';

/** One partition of a Fetch response. */
export type FetchedPartition = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

/**
 * Takes the batches of a response in: advances the fetch position by their headers alone and hands those for the application to
 * the delivery, which decodes them in its own time. Control, aborted and empty batches are stepped over in order (KIP-98), once
 * their CRC is right: the delivery checks those that it opens. A bad one behind others ends the response, and the next begins with it.
 * Throws a `DecodeError` when the bytes are no batches, or none that reaches to the position: since Fetch v3 brokers answer with a whole
 * batch that does, or with nothing, and to ask again would bring the same. `true` = the position moved.
 */
export function takeIn(state: PartitionState, fetched: FetchedPartition, committedOnly: boolean): boolean {
  const { delivery } = state;
  const records = fetched.records;
  if (delivery === undefined) return false;
  delivery.highWatermark = fetched.highWatermark;
  delivery.lastStableOffset = fetched.lastStableOffset;
  if (records === null || records.length === 0) return false;
  const wanted = batchFilter(records, committedOnly ? fetched.abortedTransactions : null, state);
  const { offset: from, end } = state;
  let next = from;
  let epoch = -1;
  let run: FetchedBatch[] = [];
  for (const header of scanBatches(records)) {
    const { nextOffset } = header;
    const corrupt = header.isControl ? crcFault(records, header, state) : undefined;
    const deliver = corrupt === undefined && wanted(header) && header.recordCount > 0 && nextOffset > next;
    const fault = deliver ? undefined : (corrupt ?? crcFault(records, header, state));
    if (fault !== undefined) {
      if (next > from) break;
      throw fault;
    }
    // A broker answers with whole batches: the first may begin, or even lie, before what was asked for.
    if (nextOffset <= next) continue;
    if (end !== undefined && header.baseOffset >= end) {
      next = end;
      break;
    }
    next = nextOffset;
    epoch = header.leaderEpoch;
    if (deliver) {
      run.push({ records, header, from, highWatermark: fetched.highWatermark, retainedBytes: header.totalBytes });
    } else {
      if (run.length > 0) delivery.push(run);
      run = [];
      delivery.skipTo(next);
    }
  }
  if (next === from) throw noProgress(state, records);
  if (run.length > 0) delivery.push(run);
  // What lies between the last batch and an `until` in a hole of the log is nothing: the end is reached.
  if (next === end) delivery.skipTo(next);
  state.arrived(next, epoch);
  return true;
}

function noProgress({ topic, partition, offset }: PartitionState, records: Buffer): DecodeError {
  const message = `the broker's answer of ${records.length} bytes holds no whole batch that reaches to it`;
  return new DecodeError(message, { position: 0, topic, partition, offset });
}
