import type { Pki } from './pki';

/** The listeners of each broker, in the order of its ports. `PLAINTEXT` also serves the brokers among themselves. */
export const LISTENERS = ['PLAINTEXT', 'SSL', 'MTLS', 'SASLPLAIN', 'SASLSSL', 'REAUTH'] as const;
export type Listener = (typeof LISTENERS)[number];

/** `PROXIED` is for clients that come through a fault proxy: the broker advertises the port of its proxy, `PROXY`, there. */
const PORTS = ['CONTROLLER', ...LISTENERS, 'PROXIED', 'PROXY'] as const;
export type PortName = (typeof PORTS)[number];

/** Neighbouring ports for all listeners of all nodes, from `first` on. */
export function portsFrom(first: number): BrokerConfig['portOf'] {
  return (nodeId, name) => first + (nodeId - 1) * PORTS.length + PORTS.indexOf(name);
}

const PROTOCOLS: Record<Exclude<PortName, 'PROXY'>, string> = {
  CONTROLLER: 'PLAINTEXT',
  PLAINTEXT: 'PLAINTEXT',
  SSL: 'SSL',
  MTLS: 'SSL',
  SASLPLAIN: 'SASL_PLAINTEXT',
  SASLSSL: 'SASL_SSL',
  REAUTH: 'SASL_PLAINTEXT',
  PROXIED: 'PLAINTEXT',
};

/** The users of the SASL listeners: PLAIN knows all three, SCRAM only alice. The plain listener is all-powerful. */
export const USERS = { admin: 'admin-secret', alice: 'alice-secret', bob: 'bob-secret' } as const;

export interface BrokerConfig {
  readonly nodeId: number;
  readonly nodes: number;
  readonly dataFolder: string;
  readonly pki: Pki;
  portOf(nodeId: number, name: PortName): number;
}

/** The `server.properties` of one broker that is also a controller, with quick groups and quick failover. */
export function serverProperties(config: BrokerConfig): string {
  const { nodeId, nodes } = config;
  const address = (listener: PortName, port = listener) => `${listener}://127.0.0.1:${config.portOf(nodeId, port)}`;
  const clients = LISTENERS.map(listener => address(listener)).join();
  const voters = Array.from({ length: nodes }, (_, i) => `${i + 1}@127.0.0.1:${config.portOf(i + 1, 'CONTROLLER')}`);
  return lines({
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'log.dirs': config.dataFolder,
    listeners: [address('CONTROLLER'), clients, address('PROXIED')].join(),
    'advertised.listeners': [clients, address('PROXIED', 'PROXY')].join(),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.quorum.voters': voters.join(),
    'listener.security.protocol.map': Object.entries(PROTOCOLS)
      .map(pair => pair.join(':'))
      .join(),
    ...replication(nodes),
    'broker.rack': `rack${nodeId}`,
    'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
    'auto.create.topics.enable': false,
    'num.partitions': 3,
    ...QUICK_GROUPS,
    ...QUICK_FAILOVER,
    ...SMALL,
    ...security(config.pki),
  });
}

function replication(nodes: number) {
  const minInSync = Math.max(1, nodes - 1);
  const internal = (prefix: string, minIsr: string) => ({
    [`${prefix}.replication.factor`]: nodes,
    [`${prefix}.num.partitions`]: 3,
    ...(minIsr && { [minIsr]: minInSync }),
  });
  return {
    'default.replication.factor': nodes,
    'min.insync.replicas': minInSync,
    ...internal('offsets.topic', ''),
    ...internal('transaction.state.log', 'transaction.state.log.min.isr'),
    ...internal('share.coordinator.state.topic', 'share.coordinator.state.topic.min.isr'),
  };
}

const QUICK_GROUPS = {
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 500,
  'group.consumer.min.heartbeat.interval.ms': 100,
  'group.consumer.heartbeat.interval.ms': 300,
  'group.consumer.min.session.timeout.ms': 500,
  'group.consumer.session.timeout.ms': 3_000,
  'group.share.min.heartbeat.interval.ms': 100,
  'group.share.heartbeat.interval.ms': 300,
  'group.share.min.session.timeout.ms': 500,
  'group.share.session.timeout.ms': 3_000,
  // Below 1000 format and start fail.
  'group.share.min.record.lock.duration.ms': 1_000,
  'group.share.record.lock.duration.ms': 2_000,
};

// A new leader about a second after a crash. Fetch and request time-outs below 1000 sometimes elected nobody for 20 s.
const QUICK_FAILOVER = {
  'broker.heartbeat.interval.ms': 250,
  'broker.session.timeout.ms': 1_000,
  'replica.lag.time.max.ms': 3_000,
  // A follower that asks a new leader before that one knows of it pauses for the first of these; one whose fetch is held
  // asks for another partition only after the second. acks=all waits for both: at Kafka's 1000 and 500, every third move of a
  // leader silenced a partition for 0.7, 1.1 or 2.2 s whatever the client did.
  'replica.fetch.backoff.ms': 100,
  'replica.fetch.wait.max.ms': 100,
  'controller.quorum.election.timeout.ms': 300,
  'controller.quorum.election.backoff.max.ms': 200,
  'controller.quorum.fetch.timeout.ms': 1_000,
  'controller.quorum.request.timeout.ms': 1_000,
};

const SMALL = {
  'log.cleaner.dedupe.buffer.size': 4_194_304,
  'log.segment.bytes': 16_777_216,
  'log.index.size.max.bytes': 1_048_576,
  'num.network.threads': 2,
  'num.io.threads': 2,
  'background.threads': 2,
};

function security(pki: Pki): Record<string, string | number> {
  const all: Record<string, string | number> = {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': pki.broker,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': pki.ca,
    'listener.name.mtls.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.reauth.connections.max.reauth.ms': 2_000,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS;User:admin',
  };
  const users = Object.entries(USERS).map(([name, password]) => `user_${name}="${password}"`);
  for (const listener of ['saslplain', 'saslssl', 'reauth']) {
    const jaas = (mechanism: string, module: string, options: string) =>
      (all[`listener.name.${listener}.${mechanism}.sasl.jaas.config`] =
        `org.apache.kafka.common.security.${module} required${options};`);
    jaas('plain', 'plain.PlainLoginModule', ` ${users.join(' ')}`);
    jaas('scram-sha-256', 'scram.ScramLoginModule', '');
    jaas('scram-sha-512', 'scram.ScramLoginModule', '');
    // The claim is for the broker's own login only, but without it the listener does not start.
    jaas('oauthbearer', 'oauthbearer.OAuthBearerLoginModule', ' unsecuredLoginStringClaim_sub="admin"');
  }
  return all;
}

function lines(properties: Record<string, string | number | boolean>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
