import type {} from './live-setup';

/** Stops the real Kafka that the set-up started. */
export default async function teardown(): Promise<void> {
  await globalThis.startedKafka?.stop();
  globalThis.startedKafka = undefined;
}
