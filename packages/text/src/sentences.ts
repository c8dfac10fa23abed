export { splitSentences } from './split/sentence.js';
