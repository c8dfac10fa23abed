import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parsePlain } from './plain.js';
import { splitSentences } from './sentence.js';

const bare = (text: string) => text.replace(/\s+/g, '');

describe('splitSentences', () => {
  // From Moby-Dick, Frankenstein, Pride and Prejudice and the Holmes stories; | marks a boundary.
  it.each([
    'Call me Ishmael.|Some years ago—never mind how long precisely—I thought I would sail about a little.',
    'Mr. Bennet replied that he had not.|“But it is,” returned she; “for Mrs. Long has just been here, and she told me all about it.”',
    '“What is his name?”|“Bingley.”|“Is he married or single?”',
    '“Seven!” I answered.',
    'St. Petersburgh, Dec. 11th, 17—.',
    'Ah! low veiled, high palmed Tahiti!|I still rest me on thy mat, but the soft soil has slid!',
    'I saw thee woven in the wood, my mat! green the first day I brought ye thence; now worn and wilted quite.',
    '"Hold on, hold on, won\'t ye?" cried Stubb to the body, "don\'t be in such a devil of a hurry to sink!|By thunder, men, we must do something."',
    '“Wedlock suits you,” he remarked.|“I think, Watson, that you have put on seven and a half pounds since I saw you.”',
    '"Aye, aye, men!" cried Ahab.|"Look up at it; mark it well!"',
    'He was silent.|“Dear Sir, I wish it may.|Yours, etc.”',
    'We had called upon Dr. Roylott and Miss J. Stoner at No. 12.|They were out.',
    'Wait… he said.|No more came.',
    'No.|The third one will do.|It lies at No. 12.',
  ])('%s', (marked) => {
    expect(splitSentences(marked.replaceAll('|', ' '))).toEqual(marked.split('|'));
  });

  it('never starts a sentence in lower case, and keeps every character, on the three books', () => {
    for (const name of ['frankenstein', 'pride', 'sherlock']) {
      const { document } = parsePlain(readFileSync(new URL(`../fixtures/${name}.txt`, import.meta.url), 'utf8'), name);
      for (const { text } of document.sections.flatMap(({ paragraphs }) => paragraphs)) {
        const sentences = splitSentences(text);
        expect(bare(sentences.join(''))).toBe(bare(text));
        expect(sentences.slice(1).filter((sentence) => /^\p{Ll}/u.test(sentence))).toEqual([]);
      }
    }
  });

  it('keeps every character of any text', () => {
    const unit = fc.oneof(fc.constantFrom('. ', '! ', '? "', 'Mr. ', ' a', ' The', '…', '\n', '"', '” “', '。', '<p>', '@~@'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }));
    fc.assert(fc.property(fc.string({ unit, maxLength: 30 }), (text) => bare(splitSentences(text).join('')) === bare(text)), { numRuns: 500 });
  });

  it('falls back to the segmenter for other alphabets', () => {
    expect(splitSentences('Мы пошли домой. Было поздно.')).toEqual(['Мы пошли домой.', 'Было поздно.']);
    expect(splitSentences('我们回家了。天已经黑了。')).toEqual(['我们回家了。', '天已经黑了。']);
  });

  it('has nothing to say about nothing', () => {
    expect(splitSentences('')).toEqual([]);
    expect(splitSentences(' \n ')).toEqual([]);
  });
});
