import type { ProjectConfig } from '@mdiff/config';
import { countRepeated, nearDuplicates } from '@mdiff/text';
import type { Removal, Section, Split } from '@mdiff/text';
import type { LoadedSource } from '@mdiff/text/node';
import { countWords, splitSentences } from '@mdiff/text/sentences';
import { loadCorpus } from './corpus.js';
import { tokenizerFor } from './tokenizer.js';

/** The text that mdiff extracts from a file, the parts it drops, and the parts that repeat. */
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
  /** `source`: the text it comes from (`data.val_source`), where it is not a share of the training text. */
  held_out: { source?: string; share: number; unit: Split['unit']; documents: number; of: number; tokens: number };
  /** Paragraphs that repeat an earlier one word for word. */
  repeated: number;
  /** Held-out paragraphs that nearly repeat one of the training text. */
  across: { similarity: number; held_out: string; train: string }[];
  notes: string[];
  removed: Removal[];
}

/** Reads the text of a configuration as a run would, with the tokenizer that the run would learn, and counts what is in it. */
export async function inspectText(config: ProjectConfig): Promise<Inspection> {
  const { source: loaded, heldOutSource, train, heldOut, unit } = await loadCorpus(config);
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
    paragraphs: {
      prose: running.length,
      verse: kinds.filter((kind) => kind === 'verse').length,
      heading: kinds.filter((kind) => kind === 'heading').length,
    },
    sentences: running.reduce((sum, text) => sum + splitSentences(text).length, 0),
    words: texts.reduce((sum, text) => sum + countWords(text), 0),
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    tokens: count(texts),
    vocabulary: { size: tokenizer.vocabSize, from: path ?? type },
    held_out: {
      ...(heldOutSource && { source: heldOutSource.name }),
      share: config.training.val_split,
      unit,
      documents: heldOut.length,
      of: train.length + heldOut.length,
      tokens: count(paragraphsOf(heldOut)),
    },
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
