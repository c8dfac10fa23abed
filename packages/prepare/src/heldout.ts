import type { ProjectConfig } from '@mdiff/config';
import { assemble, packRows } from '@mdiff/curriculum';
import type { Batch, RowShape, Unit } from '@mdiff/curriculum';
import { shuffle, stream } from '@mdiff/diffusion';
import { rowShape } from './cut.js';

type HeldOutUnit = Pick<Unit, 'id' | 'tokens' | 'bytes'>;

/** Text the model never trains on, packed once, in a fixed order. */
export interface HeldOut {
  batches: readonly Batch[];
  documents: number;
  /** maskable tokens that are evaluated, the [EOS] of each unit included */
  tokens: number;
  /** UTF-8 bytes of the evaluated units' text; the line breaks between units, which [EOS] stands for, are not counted */
  bytes: number;
  /** tokens of the whole held-out part: more than `tokens` where evaluations read a sample of it */
  of: number;
  /** what is evaluated at once */
  format: ProjectConfig['training']['eval_format'];
}

export interface EvaluationBudget {
  seed: number;
  /** `training.eval_max_tokens` */
  most: number;
}

/** Indices of the units that are evaluated, ascending: all, or a seeded sample of at most `most` tokens and at least one unit. `lengths` count the text's tokens. */
export function sampleUnits(lengths: ArrayLike<number>, { seed, most }: EvaluationBudget): number[] {
  const every = Array.from({ length: lengths.length }, (_, i) => i);
  if (every.reduce((sum, i) => sum + lengths[i]! + 1, 0) <= most) return every;
  const drawn: number[] = [];
  let tokens = 0;
  for (const i of shuffle(stream(seed, 'evaluated'), every)) {
    tokens += lengths[i]! + 1;
    if (tokens > most && drawn.length > 0) break;
    drawn.push(i);
  }
  return drawn.sort((a, b) => a - b);
}

/** @returns undefined where nothing was held out */
export function packHeldOut(
  units: readonly HeldOutUnit[],
  { shape, batchSize, ...told }: { shape: RowShape; batchSize: number } & Pick<HeldOut, 'documents' | 'of' | 'format'>,
): HeldOut | undefined {
  if (units.length === 0) return undefined;
  const { rows } = packRows(units, shape);
  const batches: Batch[] = [];
  for (let first = 0; first < rows.length; first += batchSize)
    batches.push(assemble(rows.slice(first, first + batchSize), batchSize, shape));
  return { ...told, batches, tokens: maskable(units), bytes: units.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Held-out units, in memory or on the disk. */
interface HeldOutSource<U> {
  /** tokens of each unit's text */
  lengths: ArrayLike<number>;
  unit(place: number): U;
  documents: number;
}

/** Draws and packs the held-out units that evaluations read; undefined where nothing was held out. */
export function evaluatedPart<U extends HeldOutUnit>(
  config: ProjectConfig,
  { lengths, unit, documents }: HeldOutSource<U>,
): { part: HeldOut; units: U[] } | undefined {
  const { seed, training } = config;
  const units = sampleUnits(lengths, { seed, most: training.eval_max_tokens }).map(unit);
  const part = packHeldOut(units, {
    documents,
    shape: rowShape(config),
    format: training.eval_format,
    batchSize: training.val_batch_size ?? training.batch_size,
    of: Array.from(lengths).reduce((sum, length) => sum + length + 1, 0),
  });
  return part && { part, units };
}

/** Maskable tokens of units: their text and [EOS]. */
export const maskable = (units: readonly HeldOutUnit[]): number => units.reduce((sum, { tokens }) => sum + tokens.length + 1, 0);

/** A line that says how much of the held-out part is evaluated; undefined where it is all. */
export const sampleNote = ({ tokens, of }: HeldOut): string | undefined =>
  tokens < of
    ? `evaluations read a sample of ${tokens.toLocaleString('en-US')} of ${of.toLocaleString('en-US')} held-out tokens (training.eval_max_tokens)`
    : undefined;
