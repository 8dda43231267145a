import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const REPORTER = join(__dirname, 'summary-reporter.js');

/** Lets the reporter close a run of its own process, and gives what it printed and whether it called the run failed. */
function report(results: Record<string, number>, projects: readonly string[], env: Record<string, string> = {}) {
  const counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, ...results };
  const script = `
    const Reporter = require(${JSON.stringify(REPORTER)});
    const reporter = new Reporter();
    const contexts = ${JSON.stringify(projects)}.map(name => ({ config: { displayName: { name } } }));
    reporter.onRunComplete(new Set(contexts), ${JSON.stringify({ numRuntimeErrorTestSuites: 0, ...counts })});
    console.log('printed by others');
    process.exitCode = reporter.getLastError() ? 1 : 0;`;
  const run = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  return { lines: run.stdout.trim().split('\n'), failed: run.status !== 0 };
}

const REAL = JSON.stringify({ real: { version: 'Apache Kafka 4.4.0', nodes: 3, source: 'from its jars' } });

describe('the last lines of a test run', () => {
  it('sum all suites, after everything else that is printed', () => {
    const { lines, failed } = report({ numPassedTests: 5, numPendingTests: 1, numTodoTests: 1 }, ['unit']);

    expect(lines).toEqual(['printed by others', '5 passed, 0 failed, 2 skipped']);
    expect(failed).toBe(false);
  });

  it('count a suite that did not load as a failure', () => {
    const { lines } = report({ numFailedTests: 1, numRuntimeErrorTestSuites: 2 }, ['unit']);

    expect(lines.at(-1)).toBe('0 passed, 3 failed, 0 skipped');
  });

  it('name the real Kafka that the live suites ran against', () => {
    const { lines, failed } = report({ numPassedTests: 1 }, ['unit', 'live'], { KAFKA_RX_REAL: REAL, CI: 'true' });

    expect(lines.at(-2)).toContain('Apache Kafka 4.4.0 (3 nodes, from its jars)');
    expect(failed).toBe(false);
  });

  it('say loudly that there was none, and why', () => {
    const env = { KAFKA_RX_REAL: JSON.stringify({ reasons: ['no java on the PATH'] }) };
    const { lines, failed } = report({ numPassedTests: 1 }, ['live'], env);

    expect(lines.join('\n')).toMatch(/NO REAL KAFKA[^]*no java on the PATH/);
    expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped');
    expect(failed).toBe(false);
  });

  it('fail a run in CI that had none', () => {
    const { lines, failed } = report({ numPassedTests: 1 }, ['live'], { CI: 'true' });

    expect(lines.at(-1)).toBe('1 passed, 1 failed, 0 skipped');
    expect(failed).toBe(true);
  });
});
