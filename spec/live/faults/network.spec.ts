/**
 * Rows A05 to A12 of the fault catalogue that need a real cluster: what networks do to connections, by a proxy before
 * each broker. And B11, whose requests the proxies count. Times are of the slowest partition, acks and deliveries both.
 *
 *   npm run test:live -- --testPathPatterns faults/network
 *   npm run soak -- --rows A05,A11 --runs 20
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { print } from '../../support/print';
import { leadersOf } from '../../support/recovery/cluster-state';
import { FULL, runs } from '../../support/recovery/figures';
import { moveLeader } from '../../support/recovery/move-leader';
import { describeRows } from '../../support/recovery/rows';
import type { Recovery } from '../../support/recovery/watch';

const PATIENCE_MS = 60_000;
const METADATA = 3;
const detail = ({ ackMs, deliveryMs }: Recovery) =>
  `acks after ${Math.round(ackMs)} ms, deliveries after ${Math.round(deliveryMs)} ms`;

describeRows('records while networks fail and leaders move', { nodes: 3, proxied: true }, row => {
  row(
    'A05',
    'survive that all connections are reset with their send queues full',
    async ({ proxies, load, figures }) => {
      for (const _ of runs(2)) {
        for (const proxy of proxies) proxy.shape({ kind: 'stall' }, 'requests');
        load.burst(1_200, 10_000);
        await lasting(300);
        const watch = load.watch(undefined, { old: true });
        for (const proxy of proxies) {
          proxy.cut('rst');
          await proxy.heal();
        }
        const recovery = await watch.recovered(PATIENCE_MS);
        figures.add(recovery.ms, 300, { detail: detail(recovery) });
        await load.flowing(PATIENCE_MS);
      }
    },
  );

  row('A06', 'survive that all connections are reset each second', async ({ proxies, load, figures }) => {
    for (const _ of runs(1, 2)) {
      for (let second = 0; second < (FULL ? 60 : 10); second++) {
        const [acked, delivered] = [load.acked.length, load.delivered];
        for (const proxy of proxies) proxy.cut('rst');
        await lasting(1_000);
        expect([second, load.acked.length > acked, load.delivered > delivered]).toEqual([second, true, true]);
      }
      const watch = load.watch();
      for (const proxy of proxies) proxy.cut('rst');
      const recovery = await watch.recovered(PATIENCE_MS);
      figures.add(recovery.ms, 1_000, { detail: detail(recovery) });
    }
  });

  row('A10', 'survive a black hole that heals', async ({ proxies, load, figures }) => {
    for (const run of runs(1)) {
      const holeMs = run % 10 === 9 ? 25_000 : 5_000;
      for (const proxy of proxies) proxy.shape({ kind: 'stall' });
      await lasting(holeMs);
      const watch = load.watch();
      for (const proxy of proxies) await proxy.heal();
      const recovery = await watch.recovered(PATIENCE_MS);
      figures.add(recovery.ms, 1_000, { variant: `${holeMs / 1_000} s`, detail: detail(recovery) });
      await load.flowing(PATIENCE_MS);
    }
  });

  row(
    'A11',
    'survive connections that are dead for good while new ones are fine',
    async ({ proxies, load, figures }) => {
      for (const _ of runs(1)) {
        const watch = load.watch();
        for (const proxy of proxies) proxy.deaden();
        const recovery = await watch.recovered(PATIENCE_MS);
        figures.add(recovery.ms, 10_000, { detail: detail(recovery) });
        await load.flowing(PATIENCE_MS);
      }
    },
  );

  row('A12', 'survive connections on which requests arrive and no reply comes', async ({ proxies, load, figures }) => {
    for (const _ of runs(1)) {
      const watch = load.watch();
      for (const proxy of proxies) proxy.deaden(['replies']);
      const recovery = await watch.recovered(PATIENCE_MS);
      figures.add(recovery.ms, 10_000, { detail: detail(recovery) });
      await load.flowing(PATIENCE_MS);
    }
  });

  row('B11', 'survive that leaders move every 200 ms', async ({ cluster, direct, topic, proxies, load, figures }) => {
    const address = cluster.brokers.split(',')[0]!;
    const metadataRequests = () => proxies.reduce((sum, proxy) => sum + proxy.requestsOf(METADATA), 0);
    for (const _ of runs(1, 1)) {
      const leaders = [...(await leadersOf(direct, topic))];
      const moves = FULL ? 100 : 15;
      const asked = metadataRequests();
      for (let move = 0; move < moves; move++) {
        const partition = move % leaders.length;
        const leader = (leaders[partition]! % 3) + 1;
        const watch = load.watch([partition]);
        await moveLeader(address, topic, partition, [leader, (leader % 3) + 1, ((leader + 1) % 3) + 1]);
        leaders[partition] = leader;
        const next = lasting(Math.max(0, 200 - (performance.now() - watch.from)));
        await watch.recovered(PATIENCE_MS);
        await next;
        const { ms, detail } = watch.longestSilence();
        figures.add(ms, 500, { detail });
      }
      const each = (metadataRequests() - asked) / moves;
      print(`B11: ${each.toFixed(1)} Metadata requests a move; the bar is 2`);
      expect(each).toBeLessThanOrEqual(2);
    }
  });
});
