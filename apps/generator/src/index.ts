export { program } from './program.js';
export { createServer } from './server.js';
export type { ServerOptions } from './server.js';
