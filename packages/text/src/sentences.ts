export { splitSentences } from './sentence.js';
