// What a model writes, in figures: how varied it is and how much of it stands in the training text, over a range of temperatures.
import { mustBe } from '@mdiff/arguments';
import type { BookStatistics, TextStatistics } from '@mdiff/text/statistics';
import { generate, type GenerateOptions } from './generate.js';
import type { Model } from './model.js';
import { seedAt } from './options.js';

/** Figures of a text that need no training text to compare with. */
type Variety = Pick<TextStatistics, 'words' | 'distinct1' | 'distinct2' | 'distinct4' | 'entropy' | 'doubled' | 'sentenceLength'>;
/** Figures that compare a text with the training text. */
type Likeness = Pick<TextStatistics, 'verbatim' | 'verbatimText' | 'overlap4' | 'overlap8' | 'inBook' | 'sentenceGap' | 'functionWordGap'>;

/** Statistics of texts. Those that compare with the training text are there if it is known. */
export interface WritingFigures extends Variety, Partial<Likeness> {}

export interface Writing extends WritingFigures {
  readonly temperature: number;
  readonly texts: readonly string[];
}

export interface WritingOptions extends Omit<GenerateOptions, 'temperature' | 'prompt' | 'suffix' | 'onText' | 'onStep'> {
  readonly temperatures: readonly number[];
  /** paragraphs of the training text */
  readonly book?: readonly string[];
  /** after each text: texts that are written and all texts */
  readonly onPass?: (done: number, total: number) => void;
  /** after each temperature, so that an interrupt keeps what is finished */
  readonly onTemperature?: (writing: Writing) => void;
}

// The statistics cut sentences, and the modules for that are loaded only when somebody asks for figures: every command would wait for them.
const statisticsModule = () => import('@mdiff/text/statistics');

/** Writes `n` texts from nothing at each temperature, from the same seeds, and counts. Throws {@link GenerateError}. */
export async function evaluateWriting(model: Model, input: WritingOptions): Promise<Writing[]> {
  mustBe('evaluateWriting', 'model', model, 'object');
  mustBe('evaluateWriting', 'input', input, 'object');
  const { temperatures, book, onPass, onTemperature, n = 1, ...options } = input;
  const { bookStatistics } = await statisticsModule();
  const statistics = book && bookStatistics(book);
  const writings: Writing[] = [];
  for (const temperature of temperatures) {
    const texts: string[] = [];
    for (let i = 0; i < n; i++) {
      const seed = seedAt({ seed: options.seed ?? 0 }, i);
      const written = await generate(model, { ...options, temperature, n: 1, seed });
      texts.push(written.texts[0]!.completion);
      onPass?.(writings.length * n + texts.length, temperatures.length * n);
    }
    const writing = { temperature, texts, ...(await writingFigures(texts, statistics)) };
    writings.push(writing);
    onTemperature?.(writing);
  }
  return writings;
}

/** Units of a text with about as many words as `words`, evenly spread: shares of new n-grams depend on the length. */
export async function excerpts(units: readonly { readonly text: string }[], words: number): Promise<string[]> {
  mustBe('excerpts', 'units', units, 'list');
  mustBe('excerpts', 'words', words, 'number');
  const { wordsOf } = await statisticsModule();
  const sizes = units.map(({ text }) => wordsOf(text).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const step = Math.max(1, total / Math.max(1, words));
  let [passed, taken] = [0, 0];
  return units
    .filter((_, i) => {
      const take = taken < words && taken <= passed / step;
      passed += sizes[i]!;
      if (take) taken += sizes[i]!;
      return take;
    })
    .map(({ text }) => text);
}

/** The same figures of texts that somebody else wrote, such as the held-out part. */
export async function figuresOfTexts(texts: readonly string[], book?: readonly string[]): Promise<WritingFigures> {
  mustBe('figuresOfTexts', 'texts', texts, 'list');
  const { bookStatistics } = await statisticsModule();
  return writingFigures(texts, book && bookStatistics(book));
}

async function writingFigures(texts: readonly string[], book: BookStatistics | undefined): Promise<WritingFigures> {
  const { bookStatistics, textStatistics } = await statisticsModule();
  const s = textStatistics(texts, book ?? bookStatistics([]));
  return {
    words: s.words,
    distinct1: s.distinct1,
    distinct2: s.distinct2,
    distinct4: s.distinct4,
    entropy: s.entropy,
    doubled: s.doubled,
    sentenceLength: s.sentenceLength,
    ...(book && {
      verbatim: s.verbatim,
      verbatimText: s.verbatimText,
      overlap4: s.overlap4,
      overlap8: s.overlap8,
      inBook: s.inBook,
      sentenceGap: s.sentenceGap,
      functionWordGap: s.functionWordGap,
    }),
  };
}
