export { withGraph } from './graph.js';
export { memoryHere, shapedHere } from './memory.js';
export { bandsOfTexts, textOfModel } from './modeltext.js';
export type { OnTrained, Trained } from './next.js';
export { program } from './program.js';
export { reportsOf } from './reports.js';
