import { startRealKafka, type StartedKafka } from './real-kafka';

declare global {
  // Jest loads set-up and tear-down apart; the global object is what they share.
  var startedKafka: StartedKafka | undefined;
}

/** Starts the real Kafka of a run; the test processes and the reporter learn of it through the environment. */
export default async function setup(): Promise<void> {
  const started = await startRealKafka();
  if ('reasons' in started) {
    process.env.KAFKA_RX_REAL = JSON.stringify({ reasons: started.reasons });
    return;
  }
  globalThis.startedKafka = started;
  process.env.KAFKA_RX_REAL = JSON.stringify({ real: started.real });
}
