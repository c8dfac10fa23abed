export type { OnTrained, Trained } from './next.js';
export { program } from './program.js';
