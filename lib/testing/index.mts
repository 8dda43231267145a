// As ../index.mts, for `kafka-rx/testing`.
export * from './index.js';
