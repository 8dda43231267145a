import type { Subscription } from 'rxjs';
import { EmbeddedCluster } from '../../lib/testing/embedded-cluster';
import type { RealKafka } from './real-kafka';

/** A cluster that a live suite runs against. */
export interface LiveCluster {
  readonly kind: 'embedded' | 'real';
  readonly name: string;
  readonly version: string;
  readonly nodes: number;
  /** `host:port,…` over TCP, so other programs can talk to it too. Known once tests run, not while they are collected. */
  readonly brokers: string;
  /** To spread into `new Kafka(...)`. */
  readonly kafkaOptions: { readonly brokers: string };
  /** Scripts faults and shows requests: on the embedded cluster only. */
  readonly embedded?: EmbeddedCluster;
  /** More about the real one, e.g. its listeners with TLS and SASL if it has them. */
  readonly real?: RealKafka;
  /** A name for a topic or a group that no other test has used. */
  uniqueName(prefix: string): string;
}

/** The real Kafka of this run, or undefined if there is none. */
export const realKafka: RealKafka | undefined = (
  JSON.parse(process.env.KAFKA_RX_REAL ?? '{}') as { readonly real?: RealKafka }
).real;

/**
 * One suite, run twice: against the embedded cluster, and against the real Kafka that the set-up of the live project
 * started. Without a real one its half is counted as skipped, so that it does not vanish from the sums.
 */
export function describeClusters(title: string, suite: (cluster: LiveCluster) => void): void {
  describe(`${title}, on the embedded cluster`, () => suite(embeddedCluster()));
  describeReal(title, suite);
}

/** For what the embedded cluster does not claim to do: a suite that runs against the real Kafka alone. */
export function describeReal(
  title: string,
  suite: (cluster: LiveCluster & { readonly real: RealKafka }) => void,
): void {
  const name = `${title}, on ${realKafka?.version ?? 'a real Kafka'}`;
  if (realKafka) describe(name, () => suite(realCluster(realKafka)));
  // A suite must not read what is not there while it is collected: one skipped test stands for all of its.
  else describe.skip(name, () => it('needs a real Kafka', () => undefined));
}

function realCluster(real: RealKafka): LiveCluster & { readonly real: RealKafka } {
  const { brokers, nodes, version } = real;
  return { kind: 'real', name: 'real Kafka', version, nodes, brokers, kafkaOptions: { brokers }, real, uniqueName };
}

const NODES = 3;

/** Registers hooks: the cluster listens while the tests of the surrounding `describe` run. */
function embeddedCluster(): LiveCluster {
  const embedded = new EmbeddedCluster({ brokers: NODES, autoCreateTopics: false });
  let address: string | undefined;
  let listening: Subscription | undefined;
  beforeAll(done => {
    listening = embedded.listen().subscribe({
      next: brokers => {
        address = brokers;
        done();
      },
      error: done,
    });
  });
  afterAll(() => listening?.unsubscribe());
  const brokers = () => {
    if (address === undefined)
      throw new Error('the embedded cluster listens only while tests run: read `brokers` in one');
    return address;
  };
  return {
    kind: 'embedded',
    name: 'embedded cluster',
    version: 'embedded',
    nodes: NODES,
    embedded,
    uniqueName,
    get brokers() {
      return brokers();
    },
    get kafkaOptions() {
      return { brokers: brokers() };
    },
  };
}

let names = 0;

function uniqueName(prefix: string): string {
  return `${prefix}-${process.pid.toString(36)}-${Date.now().toString(36)}-${names++}`;
}
