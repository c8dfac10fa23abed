// What `mdiff score` prints.
import { table } from '@mdiff/cli';
import type { Comparison, LikelihoodRatio, Score } from '@mdiff/generate';

interface Shown extends Comparison {
  /** short names of the models, and the folders as they were given */
  readonly labels: readonly string[];
  readonly folders: readonly string[];
  /** place of the model to compare with */
  readonly against: number | undefined;
}

const figure = (value: number, error: number): string => value.toFixed(3) + (Number.isFinite(error) ? ` ± ${error.toFixed(3)}` : '');
const signed = (value: number, error: number): string => (value < 0 ? '' : '+') + figure(value, error);
const count = (n: number): string => n.toLocaleString('en-US');

/** Places of the models, from the one that finds the text likeliest, byte for byte. */
const inOrder = (scores: readonly Score[], leftOut?: number): number[] =>
  [...scores.keys()].filter((i) => i !== leftOut).sort((a, b) => scores[a]!.bitsPerByte - scores[b]!.bitsPerByte || a - b);

export function shownText(shown: Shown): string {
  const { scores, labels, against, ratio } = shown;
  const [first] = scores;
  const parts = first!.units.length;
  const facts = `${count(parts)} ${parts === 1 ? 'paragraph' : 'paragraphs'}, ${count(first!.tokens)} tokens, ${count(first!.bytes)} bytes, seed ${first!.seed}`;
  const head = ['model', 'nats/token', 'bits/byte'];
  const rows = scores.map((score, i) => [
    labels[i]!,
    figure(score.natsPerToken, score.natsPerTokenError),
    figure(score.bitsPerByte, score.bitsPerByteError),
    ...(against === undefined ? [] : i === against ? ['', ''] : differences(ratio(i, against))),
  ]);
  const more = against === undefined ? [] : [`over ${labels[against]!}: nats/token`, 'bits/byte'];
  return [`${facts}\n\n`, table([[...head, ...more], ...rows]), verdict(shown), first!.units[0]!.words ? wordTable(shown) : ''].join('');
}

const differences = ({ natsPerToken, natsPerTokenError, bitsPerByte, bitsPerByteError }: LikelihoodRatio): string[] => [
  natsPerToken === null ? 'other tokens' : signed(natsPerToken, natsPerTokenError!),
  signed(bitsPerByte, bitsPerByteError),
];

/** Which model finds the text likeliest, and by how much. */
function verdict({ scores, labels, against, ratio }: Shown): string {
  const [best, next] = inOrder(scores, scores.length > 2 ? against : undefined);
  if (best === undefined || next === undefined) return '';
  const { bitsPerByte, bitsPerByteError } = ratio(best, next);
  if (bitsPerByte === 0) return `\n${labels[best]!} and ${labels[next]!} find the text equally likely\n`;
  const doubt = bitsPerByte < 2 * bitsPerByteError ? '; that is within two standard errors, so more --masks may turn it' : '';
  return `\nlikeliest under ${labels[best]!}: ${figure(bitsPerByte, bitsPerByteError)} bits/byte better than under ${labels[next]!}${doubt}\n`;
}

/** One row for each word: nats under each model, and the difference to the last one. */
function wordTable({ scores, labels, against }: Shown): string {
  const columns = scores.map(({ units }) => units.flatMap(({ words = [] }) => words));
  const aligned = columns.every(
    (words) => words.length === columns[0]!.length && words.every(({ text }, w) => text === columns[0]![w]!.text),
  );
  // Other tokenizers may cut a paragraph elsewhere; its words then stand in tables of their own.
  if (!aligned)
    return columns
      .map((words, i) => `\n${table([['word', labels[i]!], ...words.map(({ text, nats }) => [text, nats.toFixed(2)])])}`)
      .join('');
  const rows = columns[0]!.map(({ text }, w) => {
    const nats = columns.map((words) => words[w]!.nats);
    const over =
      against === undefined ? [] : [...nats.keys()].filter((i) => i !== against).map((i) => signed(nats[against]! - nats[i]!, NaN));
    return [text, ...nats.map((value) => value.toFixed(2)), ...over];
  });
  const over = against === undefined ? [] : labels.filter((_, i) => i !== against).map((label) => `${label} over ${labels[against]!}`);
  return `\n${table([['word (nats, given all others)', ...labels, ...over], ...rows])}`;
}

export function shownJson({ scores, labels, folders, against, ratio }: Shown): string {
  const models = scores.map((score, i) => ({
    name: labels[i],
    folder: folders[i],
    ...score,
    ...(against !== undefined && i !== against && { against: { folder: folders[against], ...ratio(i, against) } }),
  }));
  const [best] = inOrder(scores, scores.length > 2 ? against : undefined);
  return `${JSON.stringify({ models, ...(scores.length > 1 && { likeliest: folders[best!] }) })}\n`;
}
