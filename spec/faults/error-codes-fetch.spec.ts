import { tap } from 'rxjs';
import { EVERY_CODE, REPEATED_BY_JAVA } from '../support/error-codes';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';
import { VirtualKafka } from '../support/virtual-kafka';

/** How often the broker answers with the error before it answers well. */
const TIMES = 3;
/** Reading is harmless to repeat, so an internal error is, too. */
const REPEATED_BY_READER = [...REPEATED_BY_JAVA, -1];
const OFFSET_OUT_OF_RANGE = 1;
const CORRUPT_MESSAGE = 2;
const ASSIGNED = [0, 1, 2].map(partition => ({ topic: 't', partition, offset: 0n }));

function readable(): VirtualKafka {
  const rig = new VirtualKafka({ topics: { t: 3 } });
  for (const partition of [0, 1, 2]) rig.cluster.append('t', partition, ['a', 'b', 'c']);
  return rig;
}

describe('C02 every error code of Fetch', () => {
  let runs = 0;
  let requests = 0;
  let slowest = 0;
  afterAll(() =>
    print(
      `C02: ${runs} runs of Fetch (${EVERY_CODE.length} codes, one/all partitions, 1 and ${TIMES} times), ${requests} requests, ` +
        `records again at most ${slowest} ms after the last error: its backoff`,
    ),
  );

  describe.each([
    ['one partition, once', { topic: 't', partition: 1 }, 1],
    ['one partition', { topic: 't', partition: 1 }, TIMES],
    ['all partitions', {}, TIMES],
  ])('for %s', (_, where, times) => {
    it.each(EVERY_CODE)('$code $name: read again from the same offset, or one typed error', ({ code, name }) => {
      const rig = readable();
      rig.cluster.fault({ api: 'Fetch', ...where, times }, { error: name });
      const consumer = rig.kafka.consumer({ offsetReset: 'latest', fetch: { maxWaitMs: 500 } }).assign(ASSIGNED);
      const read: string[] = [];
      let lastAt = 0;
      const view = watch(
        consumer.records.pipe(
          tap(({ partition, offset }) => {
            read.push(`${partition}/${offset}`);
            lastAt = rig.now;
          }),
        ),
      );
      rig.clock.advance(2_500);
      const fetches = rig.asked('Fetch').map(({ at }) => at);
      const everything = [0, 1, 2].flatMap(partition => [0, 1, 2].map(offset => `${partition}/${offset}`));
      if (code !== CORRUPT_MESSAGE && REPEATED_BY_READER.includes(code)) {
        expect(view.error).toBeUndefined();
        expect([...read].sort()).toEqual(everything);
        // 100, 200, 400 ms. A long poll for the others used to hold a partition up that was due again, by up to 500 ms each time.
        expect(lastAt).toBeLessThanOrEqual(times === 1 ? 200 : 800);
        slowest = Math.max(slowest, lastAt - (times === 1 ? 0 : 300));
      } else if (code === OFFSET_OUT_OF_RANGE) {
        // The one code that moves a position, by the policy: to the end, and an event says so.
        expect(rig.events.filter(({ type }) => type === 'offset-reset').length).toBeGreaterThanOrEqual(1);
        expect(view.error).toBeUndefined();
      } else {
        if (code === CORRUPT_MESSAGE) expect(view.error).toMatchObject({ name: 'DecodeError', topic: 't' });
        else expect(view.error).toMatchObject({ name: 'BrokerError', code, error: name, topic: 't', retriable: false });
        // The others are read on until the turn of a partition that is corrupt.
        expect(fetches.length).toBeLessThanOrEqual(code === CORRUPT_MESSAGE ? 2 : 1);
      }
      if (code !== OFFSET_OUT_OF_RANGE) {
        // No transient error resets an offset.
        expect(rig.asked('ListOffsets')).toEqual([]);
        expect(rig.events.filter(({ type }) => type === 'offset-reset')).toEqual([]);
      }
      expect(rig.asked('Metadata').length).toBeLessThanOrEqual(2 + TIMES);
      rig.close();
      expect(rig.clock.pending).toBe(0);
      runs += 1;
      requests += fetches.length;
    });
  });
});

describe('C02 every error code of ListOffsets', () => {
  let runs = 0;
  let requests = 0;
  afterAll(() => print(`C02: ${runs} runs of ListOffsets (consumer and admin), ${requests} requests`));

  it.each(EVERY_CODE)('$code $name: asked again for the same place, or one typed error', ({ code, name }) => {
    const repeated = REPEATED_BY_READER.includes(code);
    const rig = readable();
    rig.cluster.fault({ api: 'ListOffsets', topic: 't', partition: 1, times: TIMES }, { error: name });
    const consumer = rig.kafka
      .consumer({ offsetReset: 'earliest' })
      .assign([0, 1, 2].map(partition => ({ topic: 't', partition })));
    const view = watch(consumer.records);
    rig.clock.advance(2_500);
    const asked = rig.asked('ListOffsets').length;
    const read = view.values.map(({ partition, offset }) => `${partition}/${offset}`).sort();
    if (repeated) {
      expect(view.error).toBeUndefined();
      expect(read).toEqual([0, 1, 2].flatMap(partition => [0, 1, 2].map(offset => `${partition}/${offset}`)));
      expect(asked).toBe(TIMES + 1);
    } else {
      expect(view.error).toMatchObject({ name: 'BrokerError', code, error: name, topic: 't', partition: 1 });
      expect(asked).toBe(1);
    }
    expect(rig.asked('Metadata').length).toBeLessThanOrEqual(2 + TIMES);
    rig.close();
    expect(rig.clock.pending).toBe(0);
    runs += 1;
    requests += asked;
  });

  it.each(EVERY_CODE)('$code $name to the admin, too', ({ code, name }) => {
    const rig = readable();
    rig.cluster.fault({ api: 'ListOffsets', times: TIMES }, { error: name });
    const answer = watch(rig.kafka.admin().listOffsets([{ topic: 't', partition: 1, at: 'latest' }]));
    rig.clock.advance(2_500);
    const repeated = REPEATED_BY_JAVA.includes(code);
    expect(answer.done).toBe(repeated);
    if (repeated) expect(answer.values).toEqual([[{ topic: 't', partition: 1, offset: 3n }]]);
    else expect(answer.error).toMatchObject({ name: 'BrokerError', code, error: name });
    expect(rig.asked('ListOffsets').length).toBe(repeated ? TIMES + 1 : 1);
    rig.close();
    expect(rig.clock.pending).toBe(0);
    runs += 1;
    requests += rig.asked('ListOffsets').length;
  });
});
