// One transpile-only transform for all projects: types are checked once, by `npm run lint`, not by every test run.
const common = {
  testEnvironment: 'node',
  transform: { '^.+\\.m?ts$': ['ts-jest', { diagnostics: false }] },
  testMatch: ['**/*.spec.ts'],
};

/** Rows of the fault catalogue and random sequences in numbers: they take as long as all other unit specs together. */
const FAULTS = ['spec/faults/', 'spec/fuzz/', 'spec/consumer/modes/', 'spec/network/connection-machine'];

/** @type {import('jest').Config} */
module.exports = {
  reporters: ['default', '<rootDir>/spec/support/summary-reporter.js'],
  projects: [
    {
      ...common,
      displayName: 'unit',
      roots: ['<rootDir>/spec'],
      testPathIgnorePatterns: ['spec/live/', ...FAULTS].map(path => `<rootDir>/${path}`),
    },
    {
      ...common,
      displayName: 'faults',
      roots: ['<rootDir>/spec'],
      testMatch: FAULTS.map(path => `<rootDir>/${path}${path.endsWith('/') ? '**/*' : ''}.spec.ts`),
    },
    {
      ...common,
      displayName: 'live',
      roots: ['<rootDir>/spec/live'],
      // Starts one real Kafka for all live suites and stops it; see spec/support/real-kafka.ts for how it is chosen.
      globalSetup: '<rootDir>/spec/support/live-setup.ts',
      globalTeardown: '<rootDir>/spec/support/live-teardown.ts',
      setupFilesAfterEnv: ['<rootDir>/spec/support/live-timeout.ts'],
    },
  ],
};
