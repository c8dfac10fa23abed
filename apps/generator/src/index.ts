export { program } from './program.js';
export { refillTexts, writeText } from './writer.js';
