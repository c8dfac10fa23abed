import { table } from '@mdiff/cli';
import type { Bound, ChainRule, TextFigure, Writing, WritingFigures } from '@mdiff/generate';

/** What `mdiff evaluate` has found so far. */
export interface Evaluation {
  readonly model: string;
  readonly folder: string;
  /** the evaluated text, for people */
  text?: string;
  /** false: interrupted */
  finished: boolean;
  readonly notes: string[];
  bound?: Bound;
  chainRule?: ChainRule;
  writing?: {
    texts: Writing[];
    /** of as many words of the evaluated text */
    evaluated?: WritingFigures;
  };
}

const figure = (value: number, error: number): string => value.toFixed(3) + (Number.isFinite(error) ? ` ± ${error.toFixed(3)}` : '');
const whole = (n: number): string => n.toLocaleString('en-US');
const percent = (share: number): string => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '');

const cells = ({ natsPerToken, natsPerTokenError, bitsPerByte, bitsPerByteError, units, tokens }: TextFigure): string[] => [
  figure(natsPerToken, natsPerTokenError),
  figure(bitsPerByte, bitsPerByteError),
  whole(units),
  whole(tokens),
];

const HEAD = ['nats/token', 'bits/byte', 'paragraphs', 'tokens'];

function boundText({ byRatio, byBand, seed, levels, ...all }: Bound): string {
  const bands = Object.entries(byBand ?? {}).sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const rows = [['NELBO', ...cells(all)], ...bands.map(([band, part]) => [`  ${band}`, ...cells(part)])];
  const ratios = byRatio.map(({ from, to, tokens, crossEntropy }) => [
    `${Math.round(100 * from)}-${Math.round(100 * to)} %`,
    Number.isFinite(crossEntropy) ? crossEntropy.toFixed(3) : '',
    whole(tokens),
  ]);
  return [
    `full-range NELBO, ${levels} masks a paragraph, seed ${seed}; ± is the standard error over paragraphs\n`,
    table([['', ...HEAD], ...rows]),
    '\n',
    table([['masked', 'nats/masked token', 'masked tokens'], ...ratios]),
  ].join('');
}

const ORDER = ['easy', 'medium', 'hard'];

function chainText({ bound, leftToRight, nextToken }: ChainRule): string {
  const rows: [string, TextFigure | undefined][] = [
    ['NELBO', bound],
    ['denoiser, left to right', leftToRight],
    ['next-token prediction', nextToken],
  ];
  const shown = rows.flatMap(([name, part]) => (part ? [[name, ...cells(part)]] : []));
  return `on a sample, by the chain rule (exact for its order)\n${table([['', ...HEAD], ...shown])}`;
}

const LIKENESS = ['verbatim run', '4-grams in book', '8-grams in book'];

function writingText({ texts, evaluated }: NonNullable<Evaluation['writing']>): string {
  const compared = texts.some(({ overlap4 }) => overlap4 !== undefined);
  const row = (name: string, f: WritingFigures): string[] => [
    name,
    whole(f.words),
    percent(f.distinct1),
    percent(f.distinct2),
    percent(f.distinct4),
    f.entropy.toFixed(2),
    f.doubled.toFixed(1),
    ...(compared ? [`${f.verbatim} words`, percent(f.overlap4 ?? NaN), percent(f.overlap8 ?? NaN)] : []),
  ];
  const head = ['temperature', 'words', 'distinct-1', '-2', '-4', 'entropy (bits)', 'doubled/1,000', ...(compared ? LIKENESS : [])];
  const rows = texts.map((writing) => row(String(writing.temperature), writing));
  const reference = evaluated ? [row('evaluated text', evaluated)] : [];
  const longest = texts.reduce(
    (best, { verbatim = 0, verbatimText = '' }) => (verbatim > best.n ? { n: verbatim, run: verbatimText } : best),
    {
      n: 0,
      run: '',
    },
  );
  return [
    'what it writes, from nothing\n',
    table([head, ...rows, ...reference]),
    longest.n > 0 ? `longest run of the training text: "${longest.run}"\n` : '',
  ].join('');
}

const shortened = (text: string): string => text.replace(/\s+/g, ' ').replace(/^(.{80}).+$/, '$1…');

export function evaluationText({ model, text, finished, notes, bound, chainRule, writing }: Evaluation): string {
  const parts = [
    `${model} on ${shortened(text ?? '')}\n`,
    bound ? boundText(bound) : '',
    chainRule ? chainText(chainRule) : '',
    writing && writing.texts.length > 0 ? writingText(writing) : '',
    [...notes, ...(finished ? [] : ['interrupted: the evaluation is not complete'])].map((note) => `${note}\n`).join(''),
  ];
  return parts.filter((part) => part !== '').join('\n');
}
