import { consuming, place, values } from '../consuming';

const TOPIC = 'orders';

describe('a member of a classic group', () => {
  it('joins with the first view, reads what the group gives it, and leaves on close', () => {
    const seen: string[] = [];
    const log: string[] = [];
    consuming({ topics: { [TOPIC]: 2 } }, ({ cluster, consumer, at }) => {
      cluster.append(TOPIC, 0, values(0, 3));
      cluster.append(TOPIC, 1, values(3, 5));
      cluster.requests.subscribe(({ api }) => /Group|Heartbeat|OffsetCommit/.test(api) && log.push(api));
      const member = consumer({ groupId: 'g', offsetReset: 'earliest' }).subscribe(TOPIC);
      member.rebalances.subscribe(event => log.push(event.type));
      member.records.subscribe(record => {
        seen.push(place(record));
        record.ack();
      });
      at(4_000, () => member.close().subscribe({ complete: () => log.push('closed') }));
    });
    console.log(log.join(' '));
    expect(seen.sort()).toEqual(['0:0', '0:1', '0:2', '1:0', '1:1']);
  });

  it('shares the partitions with another member', () => {
    const seen: string[] = [];
    const log: string[] = [];
    consuming({ topics: { [TOPIC]: 4 } }, ({ cluster, consumer, at }) => {
      for (let p = 0; p < 4; p++) cluster.append(TOPIC, p, values(0, 3));
      const start = (name: string) => {
        const member = consumer({ groupId: 'g', offsetReset: 'earliest' }).subscribe(TOPIC);
        member.rebalances.subscribe(event =>
          log.push(`${name} ${event.type} ${event.partitions.map(p => p.partition)}`),
        );
        member.records.subscribe(record => {
          seen.push(`${name} ${place(record)}`);
          record.ack();
        });
        return member;
      };
      const a = start('a');
      at(2_000, () => start('b'));
      at(6_000, () => {
        for (let p = 0; p < 4; p++) cluster.append(TOPIC, p, values(3, 4));
      });
      at(7_000, () => a.close().subscribe());
      at(8_000, () => {
        for (let p = 0; p < 4; p++) cluster.append(TOPIC, p, values(4, 5));
      });
    });
    console.log(log.join('\n'), seen.join(' '));
  });
});
