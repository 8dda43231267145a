import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LISTENERS, portsFrom, serverProperties, USERS, type BrokerConfig, type Listener } from './broker-config';
import { BrokerProcess } from './broker-process';
import { cachedFolder } from './cache-folder';
import { FaultProxy } from './fault-proxy/fault-proxy';
import { kafkaJars, KAFKA_VERSION } from './kafka-jars';
import { LOG4J_YAML } from './log4j';
import { testPki, type Pki } from './pki';
import { claimPortBlock } from './port-block';
import { runProgram } from './run-program';
import { untilReady } from './until-ready';

/** A cluster of real brokers that belongs to this process. */
export interface JarCluster {
  /** Addresses of the plain listener, comma-separated. */
  readonly brokers: string;
  /** The version that the brokers themselves wrote into their logs. */
  readonly version: string;
  readonly listeners: Readonly<Record<Listener, string>>;
  readonly pki: Pki;
  /** Starts a fault proxy before each broker; in the order of their ids. Clients that come through one stay with them. */
  startProxies(): Promise<Proxies>;
  /** To kill, stop, pause and start again, by node id. */
  broker(nodeId: number): BrokerProcess;
  /** Resolves when all brokers are listed and a topic with a replica on each can be created: after a restart, too. */
  ready(): Promise<void>;
  /** Kills all brokers and removes their data. */
  close(): Promise<void>;
}

export interface Proxies {
  /** Addresses of the proxies, comma-separated. */
  readonly brokers: string;
  readonly all: readonly FaultProxy[];
  close(): Promise<void>;
}

export interface JarClusterOptions {
  readonly nodes?: number; // [3]
}

/** Starts Apache Kafka from its jars: KRaft, every node broker and controller. Needs Java 17, Maven and openssl. */
export async function startJarCluster({ nodes = 3 }: JarClusterOptions = {}): Promise<JarCluster> {
  const [jars, pki, ports] = await Promise.all([kafkaJars(), testPki(), claimPortBlock()]);
  const folder = mkdtempSync(join(tmpdir(), 'kafka-rx-'));
  const portOf = portsFrom(ports.first + 1);
  const log4j = join(folder, 'log4j2.yaml');
  writeFileSync(log4j, LOG4J_YAML);
  const brokers: BrokerProcess[] = [];
  const close = async () => {
    await Promise.all(brokers.map(broker => broker.kill()));
    rmSync(folder, { recursive: true, force: true });
    ports.release();
  };
  try {
    const ids = Array.from({ length: nodes }, (_, i) => i + 1);
    for (const nodeId of ids) {
      const at = (name: string) => join(folder, `${name}${nodeId}`);
      const config: BrokerConfig = { nodeId, nodes, dataFolder: at('data'), pki, portOf };
      writeFileSync(`${at('node')}.properties`, serverProperties(config));
    }
    const formatted = await formattedDisks(jars, pki, nodes);
    for (const nodeId of ids) {
      cpSync(join(formatted, `data${nodeId}`), join(folder, `data${nodeId}`), { recursive: true });
      const args = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
      args.push('-Djava.net.preferIPv4Stack=true', `-Dlog4j2.configurationFile=${log4j}`, '-cp', `${jars}/*`);
      args.push('kafka.Kafka', join(folder, `node${nodeId}.properties`));
      const broker = new BrokerProcess({ nodeId, args, logFile: join(folder, `node${nodeId}.log`), folder });
      brokers.push(broker);
      broker.start();
    }
    const addresses = (listener: Listener) => ids.map(id => `127.0.0.1:${portOf(id, listener)}`).join();
    const listeners = Object.fromEntries(LISTENERS.map(name => [name, addresses(name)])) as Record<Listener, string>;
    const ready = () => untilReady(listeners.PLAINTEXT, nodes, () => endedEarly(brokers));
    await ready();
    return {
      brokers: listeners.PLAINTEXT,
      version: versionIn(brokers[0]!.log),
      listeners,
      pki,
      startProxies: () => startProxies(ids, portOf),
      broker: nodeId => brokers[nodeId - 1]!,
      ready,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Formatting takes 2.5 s of both cores, and what it writes depends on nothing that changes between runs (identities,
 * features, the SCRAM keys): so it is done once, and each run starts on a copy.
 */
function formattedDisks(jars: string, pki: Pki, nodes: number): Promise<string> {
  const portOf = portsFrom(19_000);
  const properties = serverProperties({ nodeId: 1, nodes, dataFolder: '', pki, portOf });
  const key = createHash('sha256').update(properties).digest('hex').slice(0, 12);
  return cachedFolder(`disks-${KAFKA_VERSION}-${nodes}-${key}`, async folder => {
    const format = async (nodeId: number) => {
      const dataFolder = join(folder, `data${nodeId}`);
      const file = join(folder, `node${nodeId}.properties`);
      mkdirSync(dataFolder);
      writeFileSync(file, serverProperties({ nodeId, nodes, dataFolder, pki, portOf }));
      const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(mechanism => [
        '--add-scram',
        `${mechanism}=[name=alice,password=${USERS.alice}]`,
      ]);
      const tool = ['-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format'];
      await runProgram('java', [...tool, '-t', '4L6g3nShT-eMCtK--X86sw', '-c', file, ...scram]);
    };
    await Promise.all(Array.from({ length: nodes }, (_, i) => format(i + 1)));
  });
}

async function startProxies(ids: readonly number[], portOf: BrokerConfig['portOf']): Promise<Proxies> {
  const start = (id: number) => FaultProxy.start({ port: portOf(id, 'PROXY'), target: portOf(id, 'PROXIED') });
  const all = await Promise.all(ids.map(start));
  return {
    brokers: all.map(proxy => `127.0.0.1:${proxy.port}`).join(),
    all,
    close: async () => void (await Promise.all(all.map(proxy => proxy.close()))),
  };
}

function versionIn(log: string): string {
  const version = /Kafka version: (\S+)/.exec(log)?.[1];
  if (!version) throw new Error(`the broker's log does not tell its version:\n${log.slice(0, 2_000)}`);
  return version;
}

function endedEarly(brokers: readonly BrokerProcess[]): string | undefined {
  const dead = brokers.find(broker => !broker.running);
  return dead && `broker ${dead.nodeId} ended:\n${dead.log.slice(-4_000)}`;
}
