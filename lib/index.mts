// The entry point for `import`: the same one build as for `require`, so that there is one set of classes in a process.
export * from './index.js';
