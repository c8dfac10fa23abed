import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import sbd from 'sbd';
import { describe, expect, it } from 'vitest';

import { parsePlain } from '../read/plain.js';
import { splitSentences } from './sentence.js';
import { countWords } from './word.js';

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
      const { document } = parsePlain(readFileSync(new URL(`../../fixtures/${name}.txt`, import.meta.url), 'utf8'), name);
      for (const { text } of document.sections.flatMap(({ paragraphs }) => paragraphs)) {
        const sentences = splitSentences(text);
        expect(bare(sentences.join(''))).toBe(bare(text));
        expect(sentences.slice(1).filter((sentence) => /^\p{Ll}/u.test(sentence))).toEqual([]);
      }
    }
  });

  it('keeps every character of any text', () => {
    const unit = fc.oneof(
      fc.constantFrom('. ', '! ', '? "', 'Mr. ', ' a', ' The', '…', '\n', '"', '” “', '。', '<p>', '@~@'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => bare(splitSentences(text).join('')) === bare(text)),
      { numRuns: 500 },
    );
  });

  // | marks a boundary; scripts that put no blank there have none in the text.
  it.each([
    [
      'Russian',
      'Мы пошли домой.|Было поздно.|«Куда ты идёшь?» — спросил он.|А. С. Пушкин родился в Москве.|Это было и т. д. и не более.',
      ' ',
    ],
    ['Greek', 'Πού πας;|Πάω σπίτι· είναι αργά.|«Έλα!» είπε εκείνη.|Ήταν αργά…', ' '],
    ['Armenian', 'Ես գնում եմ տուն։|Ուշ է։', ' '],
    ['Georgian', 'სახლში მივდივარ.|უკვე გვიანია!', ' '],
    ['Hebrew', 'לאן אתה הולך?|הביתה.|היה מאוחר!', ' '],
    ['Arabic', 'إلى أين تذهب؟|ذهب إلى البيت.|كان الوقت متأخرا!', ' '],
    ['Hindi', 'वह घर गया।|बहुत देर हो गई थी।', ' '],
    ['Korean', '어디 가니?|집에 가.|늦었다!', ' '],
    ['Chinese', '我们回家了。|天已经黑了！|你去哪里？', ''],
    ['Japanese', '家に帰ります。|もう遅い！|どこへ行くの？', ''],
    ['Thai, which ends no sentence with a mark', 'ไปไหน กลับบ้าน', ' '],
    ['French', '«\u00a0Où vas-tu\u00a0?\u00a0» demanda-t-il.|Il rentra.', ' '],
    ['German', '„Wohin gehst du?“, fragte sie.|„Nein.“|Er ging nach Hause.', ' '],
  ])('splits %s', (_, marked, blank) => {
    expect(splitSentences(marked.replaceAll('|', blank))).toEqual(marked.split('|'));
  });

  it('has nothing to say about nothing', () => {
    expect(splitSentences('')).toEqual([]);
    expect(splitSentences(' \n ')).toEqual([]);
  });
});

describe('on boundaries checked by hand', () => {
  type Splitter = (text: string) => string[];
  const paragraphs = readFileSync(new URL('../../fixtures/sentences.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
  const plain: Splitter = (text) => Array.from(segmenter.segment(text), ({ segment }) => segment);

  /** The boundaries inside a paragraph, each by how many non-blank characters stand before it. */
  const inside = (sentences: readonly string[]): number[] => {
    let before = 0;
    return sentences.slice(0, -1).map((sentence) => (before += bare(sentence).length));
  };

  /** The boundaries that `split` finds, misses and adds; missed and added ones with the characters around them. */
  function score(split: Splitter, under: string) {
    let found = 0;
    const missed: string[] = [];
    const added: string[] = [];
    let heading = '';
    for (const line of paragraphs) {
      if (line.startsWith('# ')) heading = line;
      if (line.startsWith('# ') || !heading.endsWith(under)) continue;
      const right = inside(line.split(' | '));
      const text = line.replaceAll(' | ', ' ');
      const got = inside(split(text));
      const around = (at: number) => `${bare(text).slice(at - 12, at)}|${bare(text).slice(at, at + 8)}`;
      found += right.filter((at) => got.includes(at)).length;
      missed.push(...right.filter((at) => !got.includes(at)).map(around));
      added.push(...got.filter((at) => !right.includes(at)).map(around));
    }
    return { found, missed, added, f1: (2 * found) / (2 * found + missed.length + added.length) };
  }

  it('errs once in 307 of paragraphs drawn at random from three novels', () => {
    const ours = score(splitSentences, 'at random');
    expect(ours).toMatchObject({ found: 306, added: [], missed: ['.NevilleSt.—|Oh,come,'] });
    expect(ours.f1).toBeGreaterThan(0.998);
    expect(score(sbd.sentences, 'at random').f1).toBeLessThan(ours.f1);
    expect(score(plain, 'at random').f1).toBeLessThan(ours.f1);
  });

  it('errs twice in 199 where splitters differ', () => {
    const ours = score(splitSentences, 'where splitters differ');
    expect(ours).toMatchObject({ found: 197, added: [], missed: ['itation,etc.|Mrs.Benn', '“‘Hampshire.|Charming'] });
    expect(score(sbd.sentences, 'where splitters differ').f1).toBeLessThan(0.9);
    expect(score(plain, 'where splitters differ').f1).toBeLessThan(0.9);
  });
});

it.each([
  ['Call me Ishmael—or not.', 4],
  ['我们回家了，天已经黑了。', 6],
  ['', 0],
])('counts the words of %s as people do', (text, words) => {
  expect(countWords(text)).toBe(words);
});
