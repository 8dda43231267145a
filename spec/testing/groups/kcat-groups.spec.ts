import type { Subscription } from 'rxjs';
import { EmbeddedCluster } from '../../../lib/testing/embedded-cluster';
import { kcat } from '../../support/kcat';
import { runProgram } from '../../support/run-program';
import { itWithTool } from '../../support/tools';

// librdkafka judges: a group of one, which ends when it has read everything.

let cluster: EmbeddedCluster;
let listening: Subscription;
let addresses: string;

beforeEach(done => {
  cluster = new EmbeddedCluster({ brokers: 2, topics: { t: 3 } });
  listening = cluster.listen().subscribe(all => {
    addresses = all;
    done();
  });
});
afterEach(() => listening.unsubscribe());

async function readInGroup(): Promise<string[]> {
  const options = ['-X', 'auto.offset.reset=earliest', '-X', 'heartbeat.interval.ms=100', '-q', '-e', '-u'];
  const args = ['-b', addresses, ...options, '-G', 'g', 't'];
  const text = (await runProgram('kcat', args, { timeoutMs: 20_000 })).toString();
  return text
    .split('\n')
    .filter(line => line !== '')
    .sort();
}

describe('librdkafka in a group of the embedded cluster', () => {
  itWithTool(kcat, 'reads all, commits, leaves, and the next member goes on there', async () => {
    for (const partition of [0, 1, 2]) cluster.append('t', partition, [`${partition}`]);
    expect(await readInGroup()).toEqual(['0', '1', '2']);
    expect(cluster.committed('g').map(({ offset }) => offset)).toEqual([1n, 1n, 1n]);
    cluster.append('t', 1, ['more']);
    expect(await readInGroup()).toEqual(['more']);
    // Both have left: an empty group takes a forced rebalance as nothing.
    cluster.rebalance('g');
  });
});
