/**
 * Row B09 of the fault catalogue: the only broker of a cluster is restarted, by kill -9 and by a clean stop in turn. Times
 * are from the moment on at which it answers again.
 *
 *   npm run test:live -- --testPathPatterns faults/single
 *   npm run soak -- --rows B09 --runs 20
 */
import { untilAnswering } from '../../support/recovery/cluster-state';
import { runs } from '../../support/recovery/figures';
import { describeRows } from '../../support/recovery/rows';

const PATIENCE_MS = 60_000;

describeRows('records while the only broker is restarted', { nodes: 1, proxied: false }, row => {
  row('B09', 'survive that the only broker is restarted', async ({ cluster, load, figures }) => {
    for (const run of runs(2)) {
      const crash = run % 2 === 0;
      const broker = cluster.broker(1);
      await (crash ? broker.kill() : broker.stop());
      const watch = load.watch();
      broker.start();
      const answersAt = await untilAnswering(cluster.brokers, PATIENCE_MS);
      const recovery = await watch.recovered(PATIENCE_MS);
      const ms = watch.from + recovery.ms - answersAt;
      figures.add(ms, 1_300, { variant: crash ? 'kill -9' : 'stopped', detail: 'since ApiVersions was answered' });
      await load.flowing(PATIENCE_MS);
    }
  });
});
