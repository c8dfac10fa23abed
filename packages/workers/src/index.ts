export { Moved, serveWorker, startProcess, startWorker } from './calls.js';
export { openPool } from './pool.js';
export type { Pool } from './pool.js';
export type { Methods, Remote, StartOptions, WorkerOptions } from './calls.js';
