import { Kafka, type KafkaEvent, type KafkaOptions, type Runtime, type SaslOptions } from '../../../lib';
import { EmbeddedCluster } from '../../../lib/testing';
import { ADVERTISED } from '../../../lib/testing/served-apis';
import type { Offer } from '../fake-broker';
import { SaslFront, type SaslScript } from './sasl-front';

/** A client of an embedded cluster whose brokers want SASL, and everything that it told. */
export function saslKafka(
  sasl: SaslOptions,
  script: SaslScript,
  { runtime, ...more }: { readonly runtime?: Runtime } & Partial<KafkaOptions> = {},
) {
  const cluster = new EmbeddedCluster({ brokers: 2, topics: { t: 2 }, ...(runtime === undefined ? {} : { runtime }) });
  const offers = ADVERTISED.map(({ apiKey, minVersion, maxVersion }): Offer => [apiKey, minVersion, maxVersion]);
  const front = new SaslFront(script, offers, cluster.options.transport);
  const kafka = new Kafka({ ...cluster.options, transport: front.transport, sasl, ...more });
  const events: KafkaEvent[] = [];
  kafka.events.subscribe(event => events.push(event));
  return { cluster, front, kafka, events };
}
