/**
 * Backpressure through an operator that hides a queue: `mergeMap(slow, 4)` can never hold more than the window.
 *
 *   npm run test:live -- --testPathPatterns backpressure                            10^5 records
 *   KAFKA_RX_RECORDS=1000000 npm run test:live -- --testPathPatterns backpressure   the bar: 10^6 records
 */
import { tap } from 'rxjs';
import type { BackpressureChildInput, BackpressureChildReport } from '../support/backpressure-child';
import { startChild, type Child } from '../support/child';
import { describeClusters } from '../support/clusters';
import { keepInFlight } from '../support/keep-in-flight';
import { liveClients } from '../support/live-clients';
import { print } from '../support/print';
import { allWithin } from '../support/within';

const PARTITIONS = 3;
const WINDOW = 1_000;
const IN_ARRAY = 500;
const VALUE = 'x'.repeat(100);
const MOST_RSS_MIB = 200;

describeClusters('a consumer behind a slow mergeMap', cluster => {
  const clients = liveClients(cluster);
  const records = Number(process.env.KAFKA_RX_RECORDS ?? 100_000);
  const patienceMs = 60_000 + records / 5;
  let child: Child | undefined;
  afterEach(() => child?.kill());

  it(
    `never has more than the window un-acked over ${records} records, in at most ${MOST_RSS_MIB} MiB`,
    async () => {
      const topic = await clients.topic('backlog', PARTITIONS);
      const producer = clients.kafka().producer();
      let stored = 0;
      const filling = keepInFlight(Math.ceil(records / IN_ARRAY), 8, i => {
        const partition = i % PARTITIONS;
        const length = Math.min(IN_ARRAY, records - i * IN_ARRAY);
        return producer
          .send(Array.from({ length }, () => ({ topic, partition, value: VALUE })))
          .pipe(tap(metadata => (stored += metadata.length)));
      });
      await allWithin(patienceMs, 'the backlog', filling);
      expect(stored).toBe(records);

      const task: BackpressureChildInput = {
        brokers: cluster.brokers,
        topic,
        partitions: PARTITIONS,
        window: WINDOW,
        slowness: 3,
      };
      child = startChild('backpressure-child.ts', task);
      const report = await child.report<BackpressureChildReport>(patienceMs);

      const { mostUnacked, mostInWork, inOrder, peakRssMiB, rssMiB, ms } = report;
      print(
        `${cluster.name}: ${report.records} records in ${(ms / 1000).toFixed(1)} s, at most ${mostUnacked} un-acked, ` +
          `RSS ${rssMiB.toFixed(0)} MiB at the end, ${peakRssMiB.toFixed(0)} at its peak`,
      );
      expect(report.records).toBe(records);
      expect(inOrder).toBe(true);
      expect(mostInWork).toBe(4);
      // The window is used, and never exceeded.
      expect(mostUnacked).toBeLessThanOrEqual(WINDOW);
      expect(mostUnacked).toBeGreaterThan(WINDOW / 2);
      expect(peakRssMiB).toBeLessThanOrEqual(MOST_RSS_MIB);
      expect(await child.ended).toBe(0);
    },
    2 * patienceMs,
  );
});
