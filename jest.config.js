// One transpile-only transform for both projects: types are checked once, by `npm run lint`, not by every test run.
const common = {
  testEnvironment: 'node',
  transform: { '^.+\\.m?ts$': ['ts-jest', { diagnostics: false }] },
  testMatch: ['**/*.spec.ts'],
};

/** @type {import('jest').Config} */
module.exports = {
  reporters: ['default', '<rootDir>/spec/support/summary-reporter.js'],
  projects: [
    {
      ...common,
      displayName: 'unit',
      roots: ['<rootDir>/spec'],
      testPathIgnorePatterns: ['<rootDir>/spec/live/'],
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
