import type { Issue } from '@mdiff/config';
import type { UnitStore } from '@mdiff/curriculum';
import type { ScoreReport } from '@mdiff/curriculum/scores';
import type { Tokenizer } from '@mdiff/text';
import type { TextFingerprint } from './fingerprint.js';
import type { HeldOut } from './heldout.js';
import type { Helper } from './helper.js';

/** The text of a run, ready for training. */
export interface Prepared {
  text: TextFingerprint;
  tokenizer: Tokenizer;
  /** documents to train on */
  documents: number;
  heldOut: HeldOut | undefined;
  /** each stage's selection, in the order of the stages */
  unitsPerStage: UnitStore[];
  rowsPerStage: number[];
  /** share of positions that are padding, per stage */
  padded: number[];
  /** how difficulty was measured; absent where no stage asks for it */
  scoring?: ScoreReport;
  notices: Issue[];
}

export interface PrepareOptions {
  /** the tokenizer that a resumed run began with; without it one is learnt from the text */
  tokenizerJson?: string;
  signal?: AbortSignal;
  /** called as soon as the text is read; may throw to refuse it */
  onText?(text: TextFingerprint): void;
  /** bytes above which a source is read file by file into the token cache; tests set it */
  shelfBytes?: number;
  /** called for each entry of `cache_dir` that the units come from: scores, or outlines and shards. Who has them all need not make any. */
  onEntry?: ((path: string) => void) | undefined;
  /** other processes that take parts of the work; the result does not depend on them */
  helpers?: readonly Helper[] | undefined;
}
