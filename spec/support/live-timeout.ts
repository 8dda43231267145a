// Jest reads `testTimeout` from the top of its configuration only, not from a project.
jest.setTimeout(60_000);
