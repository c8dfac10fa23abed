import { join } from 'node:path';
import { startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Unit } from '@mdiff/curriculum';
import { listSentences, scoreSentences, unitComplexity } from '@mdiff/curriculum/scores';
import type { ScoreReport } from '@mdiff/curriculum/scores';
import type { Section, Tokenizer } from '@mdiff/text';
import { fileMemo, hashSentences } from './memo.js';
import { openScoring } from './scoring.js';
import type { ScoringOptions } from './scoring.js';

// Scoring a text: the cache, threads and files around the signals of @mdiff/curriculum.

export interface UnitScores {
  /** one number per unit, in their order; high is hard */
  of(units: readonly Unit[]): Float64Array;
  report: ScoreReport;
  notices: Issue[];
}

export type Progress = (done: number, total: number) => void;

/** Tokens of each sentence, counted once, when they are first asked for. */
export function sentenceLengths(sentences: readonly string[], tokenizer: Tokenizer): (sentence: number) => number {
  const lengths = new Map<number, number>();
  return (sentence) => {
    const length = lengths.get(sentence) ?? tokenizer.encode(sentences[sentence]!).length;
    lengths.set(sentence, length);
    return length;
  };
}

export interface ScoreTextOptions extends ScoringOptions {
  tokenizer: Tokenizer;
  progress?: Progress;
  /** called for each entry of the cache that the scores come from */
  onEntry?: ((path: string) => void) | undefined;
}

/** Scores the training text (docs/configuration-specification.md, section 4.5). Aborting rejects with MDIFF_INTERRUPTED; throws as `openScoring` does. */
export async function scoreText(
  config: ProjectConfig,
  sections: readonly Section[],
  { tokenizer, progress = () => undefined, onEntry, ...options }: ScoreTextOptions,
): Promise<UnitScores> {
  const { curriculum, data, seed } = config;
  const scoring = await openScoring(config, options);
  const notices = scoring.notice && curriculum.centrality_weight > 0 ? [scoring.notice] : [];
  const sentences = listSentences(sections);
  const memo = fileMemo(join(config.cache_dir, 'scores'), hashSentences(sentences), onEntry);
  const { complexity, report } = await scoreSentences(sentences, { curriculum, data, seed, ...scoring.options, memo, progress }).finally(
    () => scoring.close(),
  );
  if (report.embedder && scoring.notice) report.embedder.instead_of = curriculum.embedding_model;
  if (report.clusters !== undefined && report.clusters < curriculum.n_clusters)
    notices.push(startup.clustersClamped(config, report.clusters));
  const lengths = sentenceLengths(sentences, tokenizer);
  return { of: (units) => unitComplexity(units, complexity, lengths), report, notices };
}
