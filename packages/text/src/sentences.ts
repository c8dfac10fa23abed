export { cutParagraph, cutWords, groupSentences, withParts, type ParagraphLimits, type Part, type Piece } from './split/pieces.js';
export { splitSentences } from './split/sentence.js';
export { countWords, wordsOf } from './split/word.js';
