import { inspect } from 'node:util';
import { json, utf8 } from '../../../lib/serdes';
import { DELIVERY, type ConsumerRecord, type DeliverySource } from '../../../lib/types';
import { fetched, HandFed, type Overrides } from './hand-fed';

function one(
  record: Parameters<typeof fetched>[0][number],
  options: Parameters<typeof fetched>[1] = {},
  overrides: Overrides = {},
) {
  const fed = new HandFed(overrides);
  const partition = fed.add(3, options.baseOffset ?? 0n);
  partition.push([fetched([record], options)]);
  let seen: ConsumerRecord | undefined;
  fed.delivery.records.subscribe(it => (seen = it));
  fed.advance();
  return { fed, partition, record: seen! as ConsumerRecord<any, any> };
}

describe('a delivered record', () => {
  it('has everything that was stored, also past 2^53', () => {
    const { record } = one(
      {
        timestamp: 1_700_000_000_123,
        key: 'k',
        value: 'v',
        headers: [
          ['h', 'x'],
          ['h', null],
        ],
      },
      { baseOffset: 9_007_199_254_740_993n, leaderEpoch: 7 },
    );
    expect(record).toMatchObject({
      topic: 'orders',
      partition: 3,
      offset: 9_007_199_254_740_993n,
      timestamp: 1_700_000_000_123,
      timestampType: 'create',
      leaderEpoch: 7,
      attempt: 1,
    });
    expect([record.key.toString(), record.value.toString(), record.rawKey!.toString()]).toEqual(['k', 'v', 'k']);
    expect([...record.headers].map(([name, value]) => [name, value?.toString()])).toEqual([
      ['h', 'x'],
      ['h', undefined],
    ]);
  });

  it('says when the broker set the time', () => {
    const { record } = one({ timestamp: 5, value: 'v' }, { appendTime: 99 });
    expect([record.timestamp, record.timestampType]).toEqual([99, 'append']);
  });

  it('decodes once, on first read, with the topic', () => {
    const calls: string[] = [];
    const value = {
      decode: (bytes: Buffer | null, topic: string) => (calls.push(topic), JSON.parse(bytes!.toString())),
    };
    const { record } = one({ timestamp: 0, key: 'id', value: '{"a":1}' }, {}, { value, key: utf8 });
    expect(calls).toEqual([]);
    expect([record.value, record.key]).toEqual([{ a: 1 }, 'id']);
    expect(record.value).toBe(record.value);
    expect(calls).toEqual(['orders']);
  });

  it('throws what the decoder throws, as it is, each time it is read', () => {
    const error = new Error('mine');
    const { record } = one(
      { timestamp: 0, value: 'v' },
      {},
      {
        value: {
          decode: () => {
            throw error;
          },
        },
      },
    );
    for (let read = 0; read < 2; read++) expect(() => record.value).toThrow(error);
    expect(record.rawValue!.toString()).toBe('v');
  });

  it('names itself, and not its payload, when the value is not what the serde reads', () => {
    const { record } = one({ timestamp: 0, value: 'secret' }, { baseOffset: 4n }, { value: json() });
    expect(() => record.value).toThrow(/^orders-3@4: value: not JSON/);
    try {
      void record.value;
    } catch (error) {
      expect(inspect(error, { depth: 5 })).not.toContain('secret');
    }
  });

  it('can be logged: offset as text, bytes as text or base64', () => {
    const { record } = one(
      { timestamp: 12, key: null, value: Buffer.from([0xff, 0xfe]), headers: [['h', 'x']] },
      { baseOffset: 8n },
    );
    const shown = {
      topic: 'orders',
      partition: 3,
      offset: '8',
      timestamp: 12,
      timestampType: 'create',
      key: null,
      value: 'base64://4=',
      headers: [['h', 'x']],
      leaderEpoch: -1,
      attempt: 1,
    };
    expect(JSON.parse(JSON.stringify(record))).toEqual(shown);
    expect(inspect(record)).toBe(inspect(shown));
  });

  it('hands records on with itself as their source', () => {
    const { record } = one({ timestamp: 0, value: 'v' });
    const outgoing = record.produce({ topic: 'out', value: 'x' } as never);
    expect([outgoing.source, outgoing.context, outgoing.records]).toEqual([
      record,
      record,
      [{ topic: 'out', value: 'x' }],
    ]);
  });

  it('has one signal while it is current, a new one after an abort, and an aborted one when superseded', () => {
    const { partition, record } = one({ timestamp: 0, value: 'v' });
    const { signal } = record;
    expect([record.signal === signal, signal.aborted]).toEqual([true, false]);
    const source = (record as unknown as { [DELIVERY]: DeliverySource })[DELIVERY];
    source.abort(record, 'too slow');
    expect([signal.aborted, signal.reason, record.signal.aborted]).toEqual([true, 'too slow', false]);
    expect(source.isSuperseded(record)).toBe(false);
    partition.reset(0n);
    expect([source.isSuperseded(record), record.signal.aborted]).toEqual([true, true]);
  });

  it('keeps no signal of settled records', () => {
    const fed = new HandFed({ window: { records: 10 } });
    const partition = fed.add();
    for (let at = 0; at < 1_000; at += 100) fed.push(partition, at, 100);
    fed.delivery.records.subscribe(record => (void record.signal, record.ack()));
    fed.advance();
    const { controllers } = (partition as unknown as { signals: { controllers: Map<unknown, unknown> } }).signals;
    expect(controllers.size).toBeLessThanOrEqual(64);
  });
});
