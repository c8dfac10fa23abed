export { coreThreads, usableThreads } from './processors.js';
export { serveWorker, startProcess, startWorker } from './calls.js';
export { borrowWorker } from './lend.js';
export { Moved } from './messages.js';
export { openPool } from './pool.js';
export type { Pool } from './pool.js';
export type { StartOptions, WorkerOptions } from './calls.js';
export type { Methods, Remote } from './messages.js';
