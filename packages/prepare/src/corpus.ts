import type { ProjectConfig } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { holdOut, searchDuplicates } from '@mdiff/text';
import type { Removal, Split } from '@mdiff/text';
import { loadSource } from '@mdiff/text/node';
import type { LoadedSource } from '@mdiff/text/node';
import { finish, pauses } from './pause.js';
import type { Pause } from './pause.js';
import type { PrepareReporter } from './reporter.js';

/** A source, read and split: `train`, `heldOut`, and the unit of the split. */
export interface Corpus extends Split {
  source: LoadedSource;
  /** the held-out text, where it has a source of its own (`data.val_source`) */
  heldOutSource?: LoadedSource;
}

/**
 * Reads `data.source` and holds out `training.val_split` of it, before anything is learnt from the text. With `data.val_source`, all of that text is held out
 * instead.
 */
export async function loadCorpus({ data, data_dir, training }: ProjectConfig, signal?: AbortSignal): Promise<Corpus> {
  const options = { dataDir: data_dir, cwd: process.cwd(), format: data.format, ...(signal && { signal }) };
  const source = await loadSource(data.source, options);
  if (data.val_source === null) return { source, ...holdOut(source.documents, training.val_split) };
  const heldOutSource = await loadSource(data.val_source, { ...options, key: 'data.val_source' });
  const [train, heldOut] = [source, heldOutSource].map(({ documents }) => documents.flatMap(({ sections }) => sections)) as [
    Split['train'],
    Split['heldOut'],
  ];
  return { source, heldOutSource, train, heldOut, unit: 'sections' };
}

/**
 * Loads the corpus of a run, and tells the reporter what was read and what to know about it.
 * @throws MdiffError MDIFF_TEXT if the held-out part leaves nothing to train on
 */
export async function readCorpus(config: ProjectConfig, reporter: PrepareReporter, signal?: AbortSignal): Promise<Corpus> {
  reporter.phase('reading', config.data.source);
  const corpus = await loadCorpus(config, signal);
  if (corpus.train.length === 0) throw nothingToTrainOn();
  for (const note of corpusNotes(await figuresOf(corpus, pauses(signal)))) reporter.note(`  ${note}`);
  return corpus;
}

export const nothingToTrainOn = (): MdiffError =>
  new MdiffError(
    'MDIFF_TEXT',
    'data.source: the held-out part leaves no text to train on; use a longer text or set training.val_split to 0',
    2,
  );

/** The figures of a text that was read. */
export interface CorpusFigures {
  /** documents to train on, and held out */
  train: number;
  heldOut: number;
  /** name of the held-out text, where it has a source of its own */
  from?: string | undefined;
  /** lines that were left out */
  dropped: number;
  /** files that were not read, and why */
  unread: readonly Removal[];
  notes: readonly string[];
  /** held-out pieces that nearly repeat training ones */
  repeated: number;
}

/** One line each: the sizes, the files that were not read, the notes of the sources, and how far the held-out text repeats the training text. */
export function corpusNotes({ train, heldOut, from, dropped, unread, notes, repeated }: CorpusFigures): string[] {
  return [
    `${train} documents to train on, ${heldOut} held out${from === undefined ? '' : ` from ${from}`}${dropped > 0 ? `; ${dropped} lines of headers, lists and notes left out` : ''}`,
    ...unread.map(({ where, sample }) => `not read: ${where}: ${sample}`),
    ...notes,
    ...(repeated > 0
      ? [
          `${repeated} held-out paragraphs are nearly the same as training ones, so the held-out score is too optimistic; \`mdiff data inspect\` lists them`,
        ]
      : []),
  ];
}

const isUnread = ({ what }: Removal): boolean => what === 'unreadable file';

async function figuresOf({ source, heldOutSource, train, heldOut }: Corpus, pause: Pause): Promise<CorpusFigures> {
  const sources = heldOutSource ? [source, heldOutSource] : [source];
  const removed = sources.flatMap((part) => part.removed);
  return {
    train: train.length,
    heldOut: heldOut.length,
    from: heldOutSource?.name,
    dropped: removed.reduce((sum, removal) => sum + (isUnread(removal) ? 0 : (removal.lines ?? removal.to - removal.from + 1)), 0),
    unread: removed.filter(isUnread),
    notes: sources.flatMap(({ notes }) => notes),
    repeated: (await finish(searchDuplicates(train, heldOut), pause)).length,
  };
}
