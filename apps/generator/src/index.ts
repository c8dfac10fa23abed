export { program } from './program.js';
export { createServer } from './server/server.js';
export type { ServerOptions } from './server/server.js';
