import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startJarCluster } from '../support/jar-cluster';
import { compile } from './compiled';
import { compare } from './peers/compare';
import { scenarios } from './peers/scenarios';
import { stages } from './stages';

const USAGE = `npm run bench [-- options]: what each stage costs, then produce and consume beside other clients on one real broker.
  --quick             a short round of everything, to see that it runs
  --rounds N          how often each client runs each scenario [3]
  --scenario TEXT     only the scenarios with TEXT in their names
  --stages, --peers   only one half
  --java              the Java client beside the others (needs javac)
KAFKA_BROKERS names a broker to use; otherwise one is started from Kafka's jars.`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    scenario: { type: 'string', default: '' },
    stages: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    java: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) return console.log(USAGE);
  const { quick } = values;
  const chosen = scenarios.filter(scenario => scenario.name.includes(values.scenario));
  if (chosen.length === 0)
    throw new Error(
      `no scenario is called ${values.scenario}; there are: ${scenarios.map(one => one.name).join('; ')}`,
    );
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, load ${load()}`);
  await compile();
  if (!values.peers) await stages({ quick });
  if (!values.stages) {
    const real = process.env.KAFKA_BROKERS ? undefined : await startJarCluster({ nodes: 1 });
    try {
      const brokers = real?.brokers ?? process.env.KAFKA_BROKERS!;
      console.log(real ? `Apache Kafka ${real.version}, one broker from its jars` : `Kafka at ${brokers}`);
      await compare({
        brokers,
        scenarios: quick ? chosen.map(one => ({ ...one, records: Math.ceil(one.records / 10) })) : chosen,
        rounds: Number(values.rounds ?? (quick ? 1 : 3)),
        warmUpMs: quick ? 100 : 400,
        measureMs: quick ? 300 : 1_500,
        java: values.java,
      });
    } finally {
      await real?.close();
    }
  }
  console.log(`load at the end ${load()}`);
}

const load = () => loadavg()[0]!.toFixed(1);

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
