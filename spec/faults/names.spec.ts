import dns = require('node:dns');
import { filter, skip } from 'rxjs';
import { Kafka } from '../../lib';
import { EmbeddedCluster } from '../../lib/testing';
import { print } from '../support/print';
import { within } from '../support/within';

// What a name server would say, by the hook through which Node asks; the sockets are real.
type Answer = readonly { readonly address: string; readonly family: 4 | 6 }[];

let answer: Answer | string;
let lookups = 0;

beforeEach(() => {
  lookups = 0;
  const real = dns.lookup as (...args: unknown[]) => void;
  jest.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) => {
    if (args[0] !== 'kafka.test') return real(...args);
    lookups += 1;
    const done = args.at(-1) as (...args: unknown[]) => void;
    const said = answer;
    const error = typeof said === 'string' ? Object.assign(new Error(`getaddrinfo ${said}`), { code: said }) : null;
    setImmediate(() => (error === null ? done(null, said) : done(error)));
  }) as never);
});
afterEach(() => jest.restoreAllMocks());

const LIVE = { address: '127.0.0.1', family: 4 } as const;

async function withKafka(work: (kafka: Kafka, cluster: EmbeddedCluster, disconnect: () => void) => Promise<void>) {
  const cluster = new EmbeddedCluster({ topics: { t: 1 } });
  let stop = (): void => undefined;
  const port = await new Promise<string>(resolve => {
    // Advertised under its address: only the bootstrap name is looked up.
    const listening = cluster.listen().subscribe(all => resolve(all.split(':')[1]!));
    stop = () => listening.unsubscribe();
  });
  const kafka = new Kafka({ brokers: `kafka.test:${port}` });
  await work(kafka, cluster, () => cluster.disconnect(1));
  await within(5_000, 'closing', kafka.close());
  stop();
}

describe('A23 the addresses of a name, over TCP', () => {
  it.each<[string, Answer]>([
    ['a dead first A record', [{ address: '127.0.0.9', family: 4 }, LIVE]],
    ['a dead AAAA record', [{ address: '::1', family: 6 }, LIVE]],
    [
      'four dead ones before it',
      [...[9, 10, 11, 12].map(n => ({ address: `127.0.0.${n}`, family: 4 as const })), LIVE],
    ],
  ])('A23 with %s: the next one is tried', async (name, addresses) => {
    answer = addresses;
    await withKafka(async kafka => {
      const from = performance.now();
      await within(5_000, 'sending', kafka.producer().send({ topic: 't', value: 'v' }));
      print(`A23: ${name}: stored after ${Math.round(performance.now() - from)} ms`);
      expect(performance.now() - from).toBeLessThan(1_300);
    });
  });

  it('A23 a name that is not known yet is looked up anew for each attempt', async () => {
    answer = 'ENOTFOUND';
    await withKafka(async kafka => {
      const sent = within(5_000, 'sending', kafka.producer().send({ topic: 't', value: 'v' }));
      await within(
        2_000,
        'two failures',
        kafka.events.pipe(
          filter(({ type }) => type === 'disconnected'),
          skip(1),
        ),
      );
      expect(lookups).toBeGreaterThanOrEqual(2);
      answer = [LIVE];
      const from = performance.now();
      await sent;
      print(
        `A23: a name that comes to be: stored after ${Math.round(performance.now() - from)} ms, ${lookups} look-ups`,
      );
      expect(performance.now() - from).toBeLessThan(1_300);
    });
  });
});
