import type { TextStatistics } from '@mdiff/text/statistics';
import type { Gapped } from './prompts.js';

export interface Writer {
  readonly label: string;
  /** the row `training` of the model card, or what else says where it comes from */
  readonly about: string;
  readonly fills: readonly string[];
  readonly continuations: readonly string[];
  readonly statistics: TextStatistics;
}

export interface Page {
  readonly book: string;
  readonly gapped: readonly Gapped[];
  readonly prompts: readonly string[];
  readonly writers: readonly Writer[];
  /** of held-out text of the same length as the continuations */
  readonly heldOut: TextStatistics;
  readonly settings: string;
  readonly seed: number;
}

const percent = (share: number): string => (Number.isNaN(share) ? '' : `${(100 * share).toFixed(1)} %`);

const ROWS: readonly (readonly [string, (statistics: TextStatistics) => string])[] = [
  ['words', ({ words }) => String(words)],
  ['longest run that stands in the book', ({ verbatim }) => `${verbatim} words`],
  ['4-grams that stand in the book', ({ overlap4 }) => percent(overlap4)],
  ['8-grams that stand in the book', ({ overlap8 }) => percent(overlap8)],
  ['words that are in the book', ({ inBook }) => percent(inBook)],
  ['words that are in the book or the corpus', ({ known }) => percent(known)],
  ['2-grams that are new (distinct-2)', ({ distinct2 }) => percent(distinct2)],
  ['4-grams that are new (distinct-4)', ({ distinct4 }) => percent(distinct4)],
  ['doubled words, for each thousand', ({ doubled }) => doubled.toFixed(1)],
  ['words in a sentence, mean', ({ sentenceLength }) => sentenceLength.toFixed(1)],
  ['sentence lengths: largest gap to the book (0 to 1)', ({ sentenceGap }) => sentenceGap.toFixed(2)],
  ['function words: divergence from the book, bits', ({ functionWordGap }) => functionWordGap.toFixed(3)],
];

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const line = (count: number): string => `|${'---|'.repeat(count)}`;

/** The page, in Markdown. */
export function pageOf({ book, gapped, prompts, writers, heldOut, settings, seed }: Page): string {
  const labels = writers.map(({ label }) => label);
  const invented = writers.map(({ label, statistics }) => `- ${label}: ${[...new Set(statistics.unknown)].join(', ') || 'none'}`);
  return [
    '# Texts',
    '',
    `Infillings and continuations of held-out text of ${book}, unchosen: places spread evenly over the held-out chapters, text i with seed ${seed} + i, the first try each.`,
    'A command writes this page: `npm run bench -- texts --help`.',
    '',
    row('model', 'from'),
    line(2),
    ...writers.map(({ label, about }) => row(label, about)),
    '',
    `Sampling: ${settings}.`,
    '',
    '## What the continuations have of the book',
    '',
    'The last column is held-out text of the book itself, as much as one model wrote. Small texts differ from their book by chance; so compare columns, not a figure with zero.',
    '',
    row('', ...labels, 'held-out text'),
    line(labels.length + 2),
    ...ROWS.map(([name, value]) => row(name, ...writers.map(({ statistics }) => value(statistics)), value(heldOut))),
    '',
    'Longest runs:',
    '',
    ...writers.map(({ label, statistics }) => `- ${label}: “${statistics.verbatimText}”`),
    '',
    'Words that are in neither book nor corpus:',
    '',
    ...invented,
    '',
    '## Infillings',
    '',
    'Each gap has as many tokens as the words that stood there.',
    '',
    ...gapped.flatMap(({ before, words, after }, i) => [
      `${i + 1}. ${cell(before)} **___** ${cell(after)}`,
      '',
      `   - the book: ${cell(words)}`,
      ...writers.map(({ label, fills }) => `   - ${label}: ${cell(fills[i]!)}`),
      '',
    ]),
    '## Continuations',
    '',
    ...prompts.flatMap((prompt, i) => [
      `${i + 1}. **${cell(prompt)}**`,
      '',
      ...writers.flatMap(({ label, continuations }) => [`   - ${label}: …${cell(continuations[i]!)}`]),
      '',
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}
