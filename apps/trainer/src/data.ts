import { resolve } from 'node:path';
import { addConfigFlags, layersOf, print, type ConfigFlags } from '@mdiff/cli';
import { formatIssue, loadProject } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { countRepeated, nearDuplicates } from '@mdiff/text';
import type { Removal, Section, Split } from '@mdiff/text';
import type { LoadedSource } from '@mdiff/text/node';
import { splitSentences } from '@mdiff/text/sentences';
import { loadCorpus, tokenizerFor } from '@mdiff/prepare';
import type { Command } from 'commander';
import { addReport } from './report.js';

export interface Inspection {
  source: string;
  /** File formats and encodings, each with how many files have it. */
  read: Record<string, number>;
  titles: string[];
  documents: number;
  sections: number;
  paragraphs: { prose: number; verse: number; heading: number };
  sentences: number;
  words: number;
  bytes: number;
  tokens: number;
  /** Size of the vocabulary the tokens were counted with, and where it comes from. */
  vocabulary: { size: number; from: string };
  held_out: { share: number; unit: Split['unit']; documents: number; of: number; tokens: number };
  /** Paragraphs that repeat an earlier one word for word. */
  repeated: number;
  /** Held-out paragraphs that nearly repeat one of the training text. */
  across: { similarity: number; held_out: string; train: string }[];
  notes: string[];
  removed: Removal[];
}

/** A book argument as `data.source`. Paths become absolute, so that they mean the same in every folder. */
export const sourceOf = (book: string): string => (book === '-' || book.startsWith('builtin:') ? book : resolve(book));

/** Reads the text of a configuration as a run would, with the tokenizer that the run would learn, and counts what is in it. */
async function inspect(config: ProjectConfig): Promise<Inspection> {
  const { source: loaded, train, heldOut, unit } = await loadCorpus(config);
  const tokenizer = await tokenizerFor(config, train);
  const sections = loaded.documents.flatMap((document) => document.sections);
  const texts = paragraphsOf(sections);
  const kinds = sections.flatMap(({ paragraphs }) => paragraphs.map(({ kind }) => kind));
  const running = sections.flatMap(({ paragraphs }) => paragraphs.flatMap(({ kind, text }) => (kind === 'prose' ? [text] : [])));
  const count = (of: readonly string[]): number => of.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
  const { path, type } = config.tokenizer;
  return {
    source: config.data.source,
    read: tally(loaded),
    titles: loaded.documents.map(({ title }) => title),
    documents: loaded.documents.length,
    sections: sections.length,
    paragraphs: { prose: running.length, verse: kinds.filter((kind) => kind === 'verse').length, heading: kinds.filter((kind) => kind === 'heading').length },
    sentences: running.reduce((sum, text) => sum + splitSentences(text).length, 0),
    words: texts.reduce((sum, text) => sum + (text.match(/\S+/g)?.length ?? 0), 0),
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    tokens: count(texts),
    vocabulary: { size: tokenizer.vocabSize, from: path ?? type },
    held_out: { share: config.training.val_split, unit, documents: heldOut.length, of: train.length + heldOut.length, tokens: count(paragraphsOf(heldOut)) },
    repeated: countRepeated(sections),
    across: nearDuplicates(train, heldOut).map(({ similarity, heldOut: kept, train: learnt }) => ({
      similarity,
      held_out: heldOut[kept.section]!.paragraphs[kept.paragraph]!.text,
      train: train[learnt.section]!.paragraphs[learnt.paragraph]!.text,
    })),
    notes: loaded.notes,
    removed: loaded.removed,
  };
}

const paragraphsOf = (sections: readonly Section[]): string[] => sections.flatMap(({ paragraphs }) => paragraphs.map(({ text }) => text));

function tally({ files, name }: LoadedSource): Record<string, number> {
  const counts: Record<string, number> = {};
  const kinds = files.map(({ format, encoding }) => (encoding === undefined ? format : `${format} in ${encoding}`));
  for (const kind of kinds.length > 0 ? kinds : [`the text ${name} of an npm package`]) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

const SHOWN = 3;
const number = (value: number): string => value.toLocaleString('en');
const plural = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
const short = (text: string, length = 50): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text).replace(/\s+/g, ' ');

/** An inspection for people: one line a fact, then what was removed. `all` lists every removal. */
function describe(found: Inspection, all = false): string {
  const { paragraphs, held_out: held } = found;
  const kinds = [paragraphs.verse > 0 && `${number(paragraphs.verse)} verse`, paragraphs.heading > 0 && plural(paragraphs.heading, 'heading')].filter(Boolean).join(', ');
  const total = paragraphs.prose + paragraphs.verse + paragraphs.heading;
  const rows: [string, string][] = [
    ['title', `${found.titles.slice(0, SHOWN).map((title) => short(title)).join('; ')}${found.titles.length > SHOWN ? '; …' : ''}`],
    ['read as', Object.entries(found.read).map(([kind, files]) => (files === 1 ? kind : `${kind} (${number(files)} files)`)).join(', ')],
    ['documents', `${number(found.documents)}, of ${plural(found.sections, 'section')} and ${plural(total, 'paragraph')}${kinds && ` (${kinds})`}`],
    ['sentences', number(found.sentences)],
    ['words', `${number(found.words)} in ${number(found.bytes)} bytes`],
    ['tokens', `${number(found.tokens)}, ${(found.bytes / found.tokens).toFixed(2)} bytes each, from a vocabulary of ${number(found.vocabulary.size)} (${found.vocabulary.from})`],
    ['held out', held.documents === 0 ? 'nothing' : `${number(held.documents)} of ${plural(held.of, held.unit.slice(0, -1))}, ${plural(held.tokens, 'token')} (training.val_split ${held.share})`],
    ['repeated', `${plural(found.repeated, 'paragraph')} word for word; ${plural(found.across.length, 'held-out paragraph')} nearly the same as one to train on`],
    ...found.across.slice(0, all ? undefined : SHOWN).map(({ similarity, held_out, train }): [string, string] => ['', `${Math.round(100 * similarity)} %: "${short(held_out)}" and "${short(train)}"`]),
    ...found.notes.map((note, i): [string, string] => [i === 0 ? 'notes' : '', note]),
  ];
  const lines = [found.source, ...rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`)];
  if (found.removed.length === 0) return [...lines, '  removed    nothing'].join('\n');
  lines.push(`  removed    ${number(found.removed.length)}, with their lines:`);
  const shown = new Map<string, number>();
  for (const { where, from, to, what, sample } of found.removed) {
    const seen = (shown.get(what) ?? 0) + 1;
    shown.set(what, seen);
    if (all || seen <= SHOWN) lines.push(`    ${where}:${from === to ? from : `${from}-${to}`} ${what}: ${short(sample, 70)}`);
  }
  const more = [...shown].filter(([, times]) => !all && times > SHOWN).map(([what, times]) => `${number(times - SHOWN)} of ${what}`);
  if (more.length > 0) lines.push(`    … and ${more.join(', ')} (--all lists them)`);
  return lines.join('\n');
}

interface InspectFlags extends ConfigFlags {
  all?: boolean;
  json?: boolean;
}

async function runInspect(file: string | undefined, flags: InspectFlags): Promise<void> {
  const { config, warnings } = loadProject({ ...layersOf(flags), set: [...(file === undefined ? [] : [`data.source=${sourceOf(file)}`]), ...flags.set] });
  for (const warning of warnings) if (/^(data|tokenizer)\b/.test(warning.path)) process.stderr.write(`${formatIssue(warning)}\n`);
  const inspection = await inspect(config);
  print(`${flags.json ? JSON.stringify(inspection, null, 2) : describe(inspection, flags.all)}\n`);
}

/** `mdiff data …`: the text itself, before any training. */
export function addData(root: Command): void {
  const data = root.command('data').description('show the text that a run would learn');
  addConfigFlags(data.command('inspect').description('show what mdiff extracts from a file, what it drops, and what repeats'))
    .argument('[file]', 'file, folder, glob, .zip, builtin:<name> or - for standard input; overrides data.source')
    .option('--all', 'list everything that mdiff drops')
    .option('--json', 'print the figures, and everything that mdiff drops, as JSON')
    .action(runInspect);
  addReport(data, sourceOf);
}
