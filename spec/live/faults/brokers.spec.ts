/**
 * Rows B01 to B08 of the fault catalogue: brokers of a real cluster die, stop, hang and come back under load. Times are of
 * the slowest partition that the broker led, acks and deliveries both, from the fault on.
 *
 *   npm run test:live -- --testPathPatterns faults/brokers
 *   npm run soak -- --rows B01,B05 --runs 20
 */
import { setTimeout as lasting } from 'node:timers/promises';
import { activeController, ledBy, leadersOf, untilWhole } from '../../support/recovery/cluster-state';
import { FULL, runs } from '../../support/recovery/figures';
import { describeRows, type Scene } from '../../support/recovery/rows';
import type { Recovery } from '../../support/recovery/watch';

const NODES = 3;
const PATIENCE_MS = 60_000;
/** Of the cluster: `broker.session.timeout.ms`. */
const SESSION_MS = 1_000;
/** When the victim is also the active controller, the quorum has to elect before anybody can replace a leader. */
const ELECTION_MS = 4_000;

const detail = ({ ackMs, deliveryMs }: Recovery) =>
  `acks after ${Math.round(ackMs)} ms, deliveries after ${Math.round(deliveryMs)} ms`;

/** Who leads partition 0, what else it leads, and whether it is the active controller. */
async function victimOf({ cluster, direct, topic }: Scene) {
  const nodeId = (await leadersOf(direct, topic))[0]!;
  const controller = (await activeController(cluster.brokers.split(',')[0]!)) === nodeId;
  const partitions = await ledBy(direct, topic, nodeId);
  return { nodeId, partitions, extraMs: controller ? ELECTION_MS : 0, variant: controller ? 'controller' : '' };
}

async function restored(scene: Scene, nodeId: number): Promise<void> {
  scene.cluster.broker(nodeId).start();
  await scene.cluster.ready();
  await untilWhole(scene.direct, scene.topic, NODES);
  await scene.load.flowing(PATIENCE_MS);
}

describeRows('records while brokers fail', { nodes: NODES, proxied: false }, row => {
  row('B01', 'survive kill -9 of a leader, and its return', async scene => {
    for (const _ of runs(1)) {
      const { nodeId, partitions, extraMs, variant } = await victimOf(scene);
      const watch = scene.load.watch(partitions);
      await scene.cluster.broker(nodeId).kill();
      const recovery = await watch.recovered(PATIENCE_MS);
      scene.figures.add(recovery.ms, SESSION_MS + 2_000 + extraMs, { variant, detail: detail(recovery) });
      await restored(scene, nodeId);
    }
  });

  row('B04', 'survive the controlled shutdown of a leader', async scene => {
    for (const _ of runs(1)) {
      const { nodeId, partitions, variant } = await victimOf(scene);
      const watch = scene.load.watch(partitions);
      await scene.cluster.broker(nodeId).stop();
      await scene.load.flowing(PATIENCE_MS);
      const { ms, detail } = watch.longestSilence();
      scene.figures.add(ms, 1_000, { variant, detail });
      await restored(scene, nodeId);
    }
  });

  row('B05', 'survive clean rolling restarts of all brokers', async scene => {
    for (const _ of runs(1, 5)) {
      for (let nodeId = 1; nodeId <= NODES; nodeId++) {
        const watch = scene.load.watch();
        await scene.cluster.broker(nodeId).stop();
        await restored(scene, nodeId);
        const { ms, detail } = watch.longestSilence();
        scene.figures.add(ms, 1_000, { detail });
      }
    }
  });

  row('B07', 'survive a leader that hangs, wakes up and answers late', async scene => {
    for (const run of runs(1)) {
      const pauseMs = FULL && run % 10 === 9 ? 30_000 : 5_000;
      const { nodeId, partitions, extraMs, variant } = await victimOf(scene);
      const watch = scene.load.watch(partitions);
      scene.cluster.broker(nodeId).pause();
      const recovered = watch.recovered(PATIENCE_MS);
      recovered.catch(() => undefined);
      await lasting(pauseMs);
      scene.cluster.broker(nodeId).resume();
      const recovery = await recovered;
      const barMs = Math.min(pauseMs, 10_000) + SESSION_MS + extraMs + 2_000;
      const name = [`${pauseMs / 1_000} s`, variant].filter(Boolean).join(', ');
      scene.figures.add(recovery.ms, barMs, { variant: name, detail: detail(recovery) });
      await untilWhole(scene.direct, scene.topic, NODES);
      await scene.load.flowing(PATIENCE_MS);
    }
  });

  row('B08', 'survive that all brokers are gone for a while', async scene => {
    const { cluster, load, figures } = scene;
    for (const run of runs(1, 3)) {
      for (let nodeId = 1; nodeId <= NODES; nodeId++) await cluster.broker(nodeId).kill();
      await lasting(FULL && run === 0 ? 60_000 : 3_000);
      for (let nodeId = 1; nodeId <= NODES; nodeId++) cluster.broker(nodeId).start();
      await cluster.ready();
      await untilWhole(scene.direct, scene.topic, NODES);
      const watch = load.watch();
      const recovery = await watch.recovered(PATIENCE_MS);
      figures.add(recovery.ms, 1_500, { detail: 'since all replicas were in sync' });
      await load.flowing(PATIENCE_MS);
    }
  });
});
