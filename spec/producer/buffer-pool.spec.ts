import { BufferPool } from '../../lib/producer/buffer-pool';
import { produced } from '../support/fake-cluster';
import { ProducerRig, batchesIn } from '../support/producer-rig';

describe('BufferPool', () => {
  it('gives the last buffer back that is large enough, and each one only once', () => {
    const pool = new BufferPool();
    const [small, large] = [Buffer.alloc(20_000), Buffer.alloc(40_000)];
    pool.give(large);
    pool.give(small);
    expect(pool.take(30_000)).toBe(large);
    expect(pool.take(20_000)).toBe(small);
    expect(pool.take(20_000)).toHaveLength(20_000);
    expect(pool.take(20_000)).not.toBe(small);
  });

  it('keeps no small ones and no more than 2 MiB', () => {
    const pool = new BufferPool();
    const tiny = Buffer.alloc(100);
    pool.give(tiny);
    expect(pool.take(100)).not.toBe(tiny);
    const buffers = Array.from({ length: 5 }, () => Buffer.alloc(512 << 10));
    buffers.forEach(buffer => pool.give(buffer));
    const taken = buffers.map(() => pool.take(512 << 10));
    expect(taken.filter(buffer => buffers.some(one => one === buffer))).toHaveLength(4);
  });
});

describe('the buffer of a batch', () => {
  const large = (text: string) => text.repeat(30_000);
  const memoryOf = (request: any): ArrayBuffer => request.body.topicData[0].partitionData[0].records.buffer;

  it('carries a later batch once its own is stored', () => {
    const rig = new ProducerRig();
    rig.send(large('a'));
    const first = rig.fake.requests[0]!;
    const memory = memoryOf(first);
    rig.reply(produced(first));
    rig.send(large('b'));
    expect(memoryOf(rig.fake.requests[0]!) === memory).toBe(true);
    expect(batchesIn(rig.fake.requests[0]!)[0]!.values).toEqual([large('b')]);
  });

  it('is left alone while its batch is in flight', () => {
    const rig = new ProducerRig();
    for (const text of ['a', 'b', 'c']) rig.send(large(text));
    expect(new Set(rig.fake.requests.map(memoryOf)).size).toBe(3);
    expect(rig.waiting).toEqual([[[large('a')]], [[large('b')]], [[large('c')]]]);
  });

  // The request that failed may still be on its way through a transport: its bytes must stay what they were.
  it('is not used again after a retry', () => {
    const rig = new ProducerRig();
    rig.send(large('a'));
    const first = rig.fake.requests[0]!;
    const memory = memoryOf(first);
    rig.fake.cut(0);
    rig.clock.turn();
    const second = rig.fake.requests[0]!;
    expect(memoryOf(second) === memory).toBe(true);
    rig.reply(produced(second));
    rig.send(large('b'));
    expect(memoryOf(rig.fake.requests[0]!) === memory).toBe(false);
    expect(batchesIn(first)[0]!.values).toEqual([large('a')]);
  });

  it('is not used again without acks, when nobody says that the broker has it', () => {
    const rig = new ProducerRig({ acks: 0 });
    rig.send(large('a'));
    const first = rig.fake.requests[0]!;
    rig.reply(undefined);
    rig.send(large('b'));
    expect(memoryOf(rig.fake.requests[0]!) === memoryOf(first)).toBe(false);
  });
});
