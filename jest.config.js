/** @type {import('jest').Config} */
const ts = { '^.+\\.ts$': ['ts-jest', { isolatedModules: true, diagnostics: false }] };
module.exports = {
  projects: [
    { displayName: 'unit', testEnvironment: 'node', transform: ts, roots: ['<rootDir>/spec'], testMatch: ['**/*.spec.ts'], testPathIgnorePatterns: ['/spec/live/'] },
    { displayName: 'live', testEnvironment: 'node', transform: ts, roots: ['<rootDir>/spec/live'], testMatch: ['**/*.spec.ts'] },
  ],
};
