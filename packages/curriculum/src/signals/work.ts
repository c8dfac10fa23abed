import type { CurriculumConfig, DataConfig } from '@mdiff/config';

import type { fitCentres } from './cluster.js';
import type { Advance, Embedder } from './embed.js';

/** Returns the values that were made before for this name and these settings, or makes them. A memo that keeps values adds a hash of the text to its key. */
export type Memo = (name: string, settings: unknown, make: () => Promise<Float32Array> | Float32Array) => Promise<Float32Array>;

export interface ScoreOptions {
  curriculum: Pick<CurriculumConfig, 'lexical_weight' | 'syntactic_weight' | 'centrality_weight' | 'n_clusters'>;
  data: Pick<DataConfig, 'idf_corpus_size' | 'readability_metrics'>;
  seed: number;
  embedder: Embedder;
  /** `parseFeatures`, in this thread or in workers */
  parse(sentences: readonly string[], advance?: Advance): Promise<Float32Array> | Float32Array;
  /** `fitCentres`, in this thread (the default) or in a worker */
  fitCentres?: (...inputs: Parameters<typeof fitCentres>) => Promise<Float64Array> | Float64Array;
  memo?: Memo;
  /** sentences that are embedded or parsed at once (default 65,536): they are in memory together, and an interruption loses at most one block */
  block?: number;
  /** sentences done and to do, with parsing and embedding counted separately; values from the memo count as done */
  progress?(done: number, total: number): void;
}

/** The scored sentences and the inputs that all signals share. */
export interface Work {
  texts: readonly string[];
  /** words in each */
  lengths: Float64Array;
  options: ScoreOptions;
  memo: Memo;
  advance: Advance;
}

export const BLOCK = 65_536;

interface Block {
  /** index of its first sentence */
  from: number;
  sentences: readonly string[];
  values: Float32Array;
}

/** Runs `make` on one block of sentences after another and keeps each result by itself. A text of one block is kept under the plain name. */
export async function* inBlocks(
  name: string,
  settings: object,
  { texts, options, memo, advance }: Work,
  make: (block: readonly string[], advance: Advance) => Promise<Float32Array> | Float32Array,
): AsyncGenerator<Block> {
  const size = options.block ?? BLOCK;
  const whole = texts.length <= size;
  for (let from = 0; from < texts.length; from += size) {
    const sentences = texts.slice(from, from + size);
    let reported = 0;
    const report: Advance = (count) => {
      reported += count;
      advance(count);
    };
    const values = await memo(whole ? name : `${name}-part`, whole ? settings : { ...settings, from, size }, () => make(sentences, report));
    advance(sentences.length - reported);
    yield { from, sentences, values };
  }
}
