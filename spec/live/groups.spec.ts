import { filter } from 'rxjs';
import type { Consumer } from '../../lib';
import { describeClusters } from '../support/clusters';
import { liveClients } from '../support/live-clients';
import { within } from '../support/within';

jest.setTimeout(90_000);

describeClusters('groups', cluster => {
  const clients = liveClients(cluster);

  describe.each(['classic', 'consumer'] as const)('of the %s protocol', groupProtocol => {
    const options = {
      groupProtocol,
      offsetReset: 'earliest',
      heartbeatIntervalMs: 300,
      sessionTimeoutMs: 6_000,
    } as const;
    const has = (consumer: Consumer, count: number) =>
      within(
        20_000,
        `${count} partitions`,
        consumer.assignment.pipe(filter(({ phase, partitions }) => phase === 'active' && partitions.length === count)),
      );

    /** Members of a new group on a new topic of four partitions. */
    async function group() {
      const topic = await clients.topic('grp', 4);
      const kafka = clients.kafka();
      const groupId = cluster.uniqueName('g');
      const producer = kafka.producer();
      const log: string[] = [];
      const seen: string[] = [];
      return {
        log,
        seen,
        send: (count: number) =>
          within(
            10_000,
            'sent',
            producer.send(Array.from({ length: count }, (_, i) => ({ topic, partition: i % 4, value: `v${i}` }))),
          ),
        member: (name: string, more: { groupInstanceId?: string } = {}) => {
          const consumer = clients
            .kafka()
            .consumer({ groupId, ...options, ...more })
            .subscribe(topic);
          consumer.rebalances.subscribe(({ type, partitions }) => log.push(`${name} ${type} ${partitions.length}`));
          consumer.records.subscribe({
            next: record => {
              seen.push(`${record.partition}:${record.offset}`);
              record.ack();
            },
            error: (error: unknown) => log.push(`${name} error ${String(error)}`),
          });
          return consumer;
        },
      };
    }

    async function until(what: string, ready: () => boolean): Promise<void> {
      const giveUpAt = Date.now() + 20_000;
      while (!ready()) {
        if (Date.now() > giveUpAt) throw new Error(`not within 20 s: ${what}`);
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    }

    it('share partitions with who comes, take them from who goes, and give each record once', async () => {
      const { send, member, seen, log } = await group();
      await send(40);
      const a = member('a');
      await has(a, 4);
      await until('40 records', () => seen.length >= 40);
      const b = member('b');
      await has(b, 2);
      await has(a, 2);
      await send(40);
      await until('80 records', () => seen.length >= 80);
      await within(10_000, 'closed', a.close());
      await has(b, 4);
      await send(40);
      await until('120 records', () => new Set(seen).size >= 120);
      await within(10_000, 'closed', b.close());
      expect(seen.length).toBe(120);
      expect(log.filter(line => /lost|error/.test(line))).toEqual([]);
      // Once for the other, and once to go.
      const given = log.filter(line => /^a revok/.test(line));
      expect(given).toEqual(['a revoking 2', 'a revoked 2', 'a revoking 2', 'a revoked 2']);
    });

    it('E03 leave a static member its place while it is away for a moment', async () => {
      const { member, log } = await group();
      const b = member('b', { groupInstanceId: 'b' });
      let a = member('a', { groupInstanceId: 'a' });
      await has(a, 2);
      await has(b, 2);
      log.length = 0;
      for (let i = 0; i < 3; i++) {
        await within(10_000, 'closed', a.close());
        a = member('a', { groupInstanceId: 'a' });
        await has(a, 2);
      }
      expect(log.filter(line => line.startsWith('b '))).toEqual([]);
    });
  });
});
