import { filter } from 'rxjs';
import type { Consumer } from '../../lib';
import { describeReal } from '../support/clusters';
import { liveClients } from '../support/live-clients';
import { within } from '../support/within';

jest.setTimeout(90_000);

describeReal('a group that changes its protocol', cluster => {
  const clients = liveClients(cluster);

  it('E14 goes from classic to KIP-848 and back while it works, member by member, and nobody loses anything', async () => {
    const topic = await clients.topic('upgrade', 4);
    const groupId = cluster.uniqueName('g');
    const log: string[] = [];
    const member = (name: string, groupProtocol: 'classic' | 'consumer') => {
      const times = { heartbeatIntervalMs: 300, sessionTimeoutMs: 6_000 };
      const consumer = clients
        .kafka()
        .consumer({ groupId, groupProtocol, ...times })
        .subscribe(topic);
      consumer.rebalances.subscribe(({ type }) => log.push(`${name} ${type}`));
      consumer.records.subscribe({ next: record => record.ack(), error: error => log.push(`${name} error ${error}`) });
      return consumer;
    };
    const has = (consumer: Consumer, count: number) =>
      within(
        15_000,
        `${count} partitions`,
        consumer.assignment.pipe(filter(({ phase, partitions }) => phase === 'active' && partitions.length === count)),
      );
    const old = member('old', 'classic');
    await has(old, 4);
    const young = member('young', 'consumer');
    await has(young, 2);
    await has(old, 2);
    await within(10_000, 'the old one closed', old.close());
    await has(young, 4);
    const back = member('back', 'classic');
    await has(back, 2);
    await within(10_000, 'the young one closed', young.close());
    await has(back, 4);
    expect(log.filter(line => /lost|error/.test(line))).toEqual([]);
  });
});
