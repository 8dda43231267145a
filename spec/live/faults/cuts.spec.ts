/**
 * Connections are cut, leaders move, brokers stop and come back while as many records flow as can: nothing is lost, doubled
 * (with idempotence, which is the default) or reordered. What it takes to come back is measured by the rows beside this file.
 *
 *   npm run test:live -- --testPathPatterns faults/cuts
 *   KAFKA_RX_ROUNDS=50 npm run test:live -- --testPathPatterns faults/cuts    more of each fault
 */
import { describeClusters } from '../../support/clusters';
import { breakableTransport } from '../../support/breakable-transport';
import { startFlow, type Flow } from '../../support/flow';
import { flawless } from '../../support/ledger';
import { liveClients } from '../../support/live-clients';
import { print } from '../../support/print';
import { within } from '../../support/within';
import type { Kafka } from '../../../lib';

const PARTITIONS = 3;
const PATIENCE_MS = 40_000;
const TEST_MS = 300_000;
const ROUNDS = Number(process.env.KAFKA_RX_ROUNDS ?? 5);
const SOME = 500;

jest.setTimeout(TEST_MS);

describeClusters('records while connections break', cluster => {
  const clients = liveClients(cluster);

  it.each([
    ['read without a group', undefined],
    ['read for a group, acked by hand', 'cut'],
  ])('survive that all connections are cut again and again, %s', async (_, group) => {
    const { transport, cut } = breakableTransport();
    const topic = await clients.topic('cut', PARTITIONS);
    const kafka = clients.kafka({ transport });
    const groupId = group && cluster.uniqueName(group);
    const flow = startFlow(kafka, { topic, partitions: PARTITIONS, patienceMs: PATIENCE_MS, groupId });

    await flow.another(SOME);
    for (let i = 0; i < ROUNDS; i++) {
      cut();
      await flow.another(SOME);
    }

    await expectFlawless(cluster.name, kafka, topic, flow);
  });

  it('survive a cut in the very moment of being made again', async () => {
    const { transport, cut } = breakableTransport();
    const topic = await clients.topic('cut-twice', PARTITIONS);
    const kafka = clients.kafka({ transport });
    const flow = startFlow(kafka, { topic, partitions: PARTITIONS, patienceMs: PATIENCE_MS });
    let cutsLeft = 3 * ROUNDS;
    kafka.events.subscribe(event => {
      if (event.type === 'connected' && cutsLeft-- > 0) setImmediate(cut);
    });

    await flow.another(SOME);
    cut();
    await flow.another(SOME);

    await expectFlawless(cluster.name, kafka, topic, flow);
  });

  const { embedded } = cluster;
  if (embedded === undefined) return;

  it('survive that leaders move to another broker', async () => {
    const topic = await clients.topic('moved', PARTITIONS);
    const kafka = clients.kafka();
    const flow = startFlow(kafka, { topic, partitions: PARTITIONS, patienceMs: PATIENCE_MS });

    await flow.another(SOME);
    for (let i = 0; i < ROUNDS; i++) {
      for (let partition = 0; partition < PARTITIONS; partition++)
        embedded.moveLeader({ topic, partition }, 1 + ((partition + i) % cluster.nodes));
      await flow.another(SOME);
    }

    await expectFlawless(cluster.name, kafka, topic, flow);
  });

  it('survive that brokers reset their connections', async () => {
    const topic = await clients.topic('reset', PARTITIONS);
    const kafka = clients.kafka();
    const flow = startFlow(kafka, { topic, partitions: PARTITIONS, patienceMs: PATIENCE_MS });

    await flow.another(SOME);
    for (let i = 0; i < ROUNDS; i++) {
      for (let broker = 1; broker <= cluster.nodes; broker++) embedded.disconnect(broker);
      await flow.another(SOME);
    }

    await expectFlawless(cluster.name, kafka, topic, flow);
  });

  it('survive that each broker in turn stops and starts again', async () => {
    const topic = await clients.topic('stopped', PARTITIONS);
    const kafka = clients.kafka();
    const flow = startFlow(kafka, { topic, partitions: PARTITIONS, patienceMs: PATIENCE_MS });

    await flow.another(SOME);
    for (let i = 0; i < ROUNDS; i++) {
      const broker = 1 + (i % cluster.nodes);
      embedded.stop(broker);
      await flow.another(SOME);
      embedded.start(broker);
      await flow.another(SOME);
    }

    await expectFlawless(cluster.name, kafka, topic, flow);
  });

  it('survive answers to Produce that are lost, executed or not', async () => {
    const topic = await clients.topic('lost-answers', PARTITIONS);
    const kafka = clients.kafka();
    const flow = startFlow(kafka, { topic, partitions: PARTITIONS, patienceMs: PATIENCE_MS });

    await flow.another(SOME);
    for (let i = 0; i < ROUNDS; i++) {
      const cuts = embedded.fault({ api: 'Produce', nth: 2, times: 1 }, { cutAfterBytes: i });
      const errors = embedded.fault(
        { api: 'Produce', nth: 3, times: 2 },
        { error: i % 2 === 0 ? 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' : 'NOT_LEADER_OR_FOLLOWER' },
      );
      await flow.another(SOME);
      cuts.unsubscribe();
      errors.unsubscribe();
    }

    await expectFlawless(cluster.name, kafka, topic, flow);
  });
});

/** What was read, and how many are in the log: a double that nobody has read yet would show there. */
async function expectFlawless(name: string, kafka: Kafka, topic: string, flow: Flow): Promise<void> {
  const balance = await flow.finish();
  const ends = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, at: 'latest' as const }));
  const inLog = await within(PATIENCE_MS, 'the ends of the log', kafka.admin().listOffsets(ends));
  expect(balance).toEqual(flawless(flow.sent));
  expect(inLog.reduce((sum, { offset }) => sum + Number(offset), 0)).toBe(flow.sent);
  print(
    `${name}: ${flow.sent} records, ${balance.lost} lost, ${balance.doubled} doubled, ${balance.reordered} reordered`,
  );
}
