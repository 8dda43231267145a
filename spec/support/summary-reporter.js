const { writeSync } = require('node:fs');

/**
 * The last words of a test run: what it ran against, and one line of counts over all suites. A suite that did not even
 * load counts as one failure. With CI=true a run of the live suites without a real Kafka is an error, elsewhere a
 * warning that cannot be overlooked. Plain JavaScript, because Jest loads reporters untransformed.
 */
module.exports = class SummaryReporter {
  #error;

  onRunComplete(contexts, results) {
    const live = [...contexts].some(context => context.config.displayName?.name === 'live');
    const lines = live ? this.#aboutKafka(JSON.parse(process.env.KAFKA_RX_REAL ?? '{}')) : [];
    const passed = results.numPassedTests;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites + (this.#error ? 1 : 0);
    const skipped = results.numPendingTests + results.numTodoTests;
    lines.push(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    // Jest prints its own summary after this call; at exit nothing comes any more.
    process.once('exit', () => writeSync(1, `${lines.join('\n')}\n`));
  }

  #aboutKafka({ real, reasons }) {
    if (real) {
      return [
        `Ran against the embedded cluster and ${real.version} (${real.nodes} node${real.nodes > 1 ? 's' : ''}, ${real.source})`,
      ];
    }
    const why = (reasons ?? ['its set-up did not run']).map(reason => `!!   - ${reason}`);
    if (process.env.CI === 'true') this.#error = new Error('CI=true, and no real Kafka was started');
    return [
      '!!',
      '!! NO REAL KAFKA: the live suites ran against the embedded cluster only. This run proves nothing about Apache Kafka.',
      ...why,
      '!! Set KAFKA_BROKERS, or start Docker, or install Java 17 and Maven.',
      '!!',
    ];
  }

  getLastError() {
    return this.#error;
  }
};
