import { REPEATED_BY_JAVA, EVERY_CODE } from '../support/error-codes';
import { print } from '../support/print';
import { watch } from '../support/producer-rig';
import { busiest, VirtualKafka } from '../support/virtual-kafka';

/** How often the broker answers with the error before it answers well. */
const TIMES = 3;
const POSITIONS = { first: [0], middle: [1], all: [0, 1, 2] } as const;
/** What an idempotent producer repeats besides: out of sequence, an unknown or an old producer id, a duplicate is a success. */
const REPEATED_BY_PRODUCER = [...REPEATED_BY_JAVA, 45, 47, 59];
const DUPLICATE_SEQUENCE_NUMBER = 46;

interface Figures {
  runs: number;
  requests: number;
  busiestSecond: number;
}

/** Sends a record to each of three partitions while the broker has something against some of them. */
function produce(name: string, position: keyof typeof POSITIONS) {
  const rig = new VirtualKafka({ topics: { t: 3 } });
  const hit: readonly number[] = POSITIONS[position];
  if (position === 'all') rig.cluster.fault({ api: 'Produce', times: TIMES }, { error: name });
  else rig.cluster.fault({ api: 'Produce', topic: 't', partition: hit[0]!, times: TIMES }, { error: name });
  const producer = rig.kafka.producer();
  const sends = [0, 1, 2].map(partition => watch(producer.send({ topic: 't', partition, value: `v${partition}` })));
  rig.clock.advance(3_000);
  const stored = [0, 1, 2].map(partition => rig.cluster.log('t', partition).map(({ value }) => String(value)));
  const times = [0, 1, 2].map(partition =>
    rig
      .asked('Produce')
      .filter(({ body }: any) => body.topicData[0].partitionData.some((one: any) => one.index === partition))
      .map(({ at }) => at),
  );
  rig.close();
  return { rig, hit, sends, stored, times };
}

describe('C01 every error code of Produce', () => {
  const figures: Figures = { runs: 0, requests: 0, busiestSecond: 0 };
  afterAll(() =>
    print(
      `C01: ${figures.runs} runs (${EVERY_CODE.length} codes, first/middle/all partitions), ${figures.requests} Produce requests, ` +
        `at most ${figures.busiestSecond} metadata requests in any second`,
    ),
  );

  describe.each(Object.keys(POSITIONS) as (keyof typeof POSITIONS)[])('for %s', position => {
    it.each(EVERY_CODE)(
      '$code $name: repeated with backoff, or one typed error, and nothing else',
      ({ code, name }) => {
        const { rig, hit, sends, stored, times } = produce(name, position);
        const repeated = REPEATED_BY_PRODUCER.includes(code);
        for (const partition of [0, 1, 2]) {
          const { done, error } = sends[partition]!;
          const value = [`v${partition}`];
          if (!hit.includes(partition)) {
            expect({ done, stored: stored[partition], requests: times[partition]!.length }).toEqual({
              done: true,
              stored: value,
              requests: 1,
            });
          } else if (code === DUPLICATE_SEQUENCE_NUMBER) {
            expect({ done, requests: times[partition]!.length }).toEqual({ done: true, requests: 1 });
          } else if (repeated) {
            expect({ done, stored: stored[partition], requests: times[partition]!.length }).toEqual({
              done: true,
              stored: value,
              requests: TIMES + 1,
            });
            // 100, 200, 400 ms without jitter: not one request within a step.
            times[partition]!.slice(1).forEach((at, i) =>
              expect(at - times[partition]![i]!).toBeGreaterThanOrEqual(80 * 2 ** i),
            );
          } else {
            expect({ done, stored: stored[partition], requests: times[partition]!.length }).toEqual({
              done: false,
              stored: [],
              requests: 1,
            });
            expect(error).toMatchObject({ name: 'BrokerError', code, error: name, topic: 't', partition });
            expect(error.retriable).toBe(false);
          }
        }
        const metadata = busiest(
          rig.asked('Metadata').map(({ at }) => at),
          1_000,
        );
        // Connecting takes one, each backoff step at most one more.
        expect(rig.asked('Metadata').length).toBeLessThanOrEqual(2 + TIMES);
        expect(rig.clock.pending).toBe(0);
        figures.runs += 1;
        figures.requests += rig.asked('Produce').length;
        figures.busiestSecond = Math.max(figures.busiestSecond, metadata);
      },
    );
  });
});
