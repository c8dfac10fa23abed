import { createHash } from 'node:crypto';
import type { EngineSetting } from '@mdiff/engine';
import { sha256 } from '@mdiff/folder/node';
import type { Prepared } from '@mdiff/prepare';
import type { PseudoData } from '../pseudo.js';

// What rank 0 tells the others, beside the orders of the engine.

/** Begins a run: the text is prepared on rank 0. */
export interface Begin {
  op: 'begin';
  /** the values of every key */
  config: Record<string, unknown>;
  setting: EngineSetting;
  tokenizerJson: string;
  /** entries of the cache that the units come from, relative to `cache_dir`; each rank then says which of them it lacks */
  entries: string[];
}

/** Ends it before it began. */
export interface End {
  op: 'end';
  code: number;
}

/** The plan of the run from now on. */
export interface Planned {
  plan: { config: Record<string, unknown>; ranks: number };
}

/** Units that are learnt beside the text from now on. */
export interface Added {
  pseudo: PseudoData;
}

/** What a rank has prepared, or why it could not. */
export type Digest = { text: string; tokenizer: string; units: string } | { failed: string };

/** The part of a digest in words. */
export const WORDS = { text: 'text', tokenizer: 'tokenizer', units: 'units of the stages' } as const;

export function digestOf({ text, unitsPerStage, rowsPerStage }: Prepared, tokenizerJson: string): Digest {
  const units = createHash('sha256');
  for (const { lengths } of unitsPerStage) units.update(Int32Array.from(lengths));
  units.update(rowsPerStage.join());
  return { text: text.sha256, tokenizer: sha256(tokenizerJson), units: units.digest('hex') };
}
