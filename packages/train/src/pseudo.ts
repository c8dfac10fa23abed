import { join } from 'node:path';
import { pseudoDataCount } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { assemble, packRows, slotOverhead } from '@mdiff/curriculum';
import type { StoredUnit } from '@mdiff/curriculum';
import { maskUnit, shuffleInPlace, stream } from '@mdiff/diffusion';
import type { StepEngine } from '@mdiff/engine';
import { places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import type { Prepared } from '@mdiff/prepare';
import { evaluateMasks } from './evaluate.js';
import { withPresentModel } from './samples.js';
import type { Refill } from './samples.js';

// Pseudo-data: on entering the last stage, a part of each of some real units is masked again and refilled by the model as it stands. What passes
// the filters is learnt beside the real text, of which nothing is dropped (arXiv 2412.14689). Nothing of it is ever evaluated.

/** Where a generated unit comes from, and what became of it: a line of `pseudo.jsonl`. */
export interface PseudoUnit {
  /** place of the real unit in the text of the last stage */
  place: number;
  /** tokens that were masked, of the unit's */
  masked: number;
  of: number;
  real: string;
  text: string;
  /** its NELBO and that of the real unit, nats per token, by the model that wrote it */
  nelbo?: number;
  realNelbo?: number;
  /** why it is not learnt; absent for one that is */
  dropped?: 'unchanged' | 'too long' | 'repeats itself' | 'unlikely';
}

/** The units that a run learns beside its text. */
export interface PseudoData {
  units: { id: number; tokens: number[] }[];
}

export const PSEUDO_FILE = 'pseudo.json';

/** A unit may repeat this much more of its trigrams than the real one. */
const REPEATS = 0.05;
/** A unit may be this much less likely than the real one, nats per token. */
const UNLIKELY = 0.5;

interface Making {
  config: ProjectConfig;
  engine: StepEngine;
  prepared: Pick<Prepared, 'tokenizer' | 'unitsPerStage'>;
  tokenizerJson: string;
  folder: string;
  refill: Refill;
  signal: AbortSignal;
}

type Candidate = PseudoUnit & { tokens: Int32Array; realTokens: Int32Array };

/** Text that is kept and gaps of tokens that are not. */
type Parts = (string | { gap: number })[];

/** The parts of a unit whose `masked` positions are refilled; undefined if its tokens do not spell its text piece by piece. */
function partsOf(tokens: Int32Array, masked: ReadonlySet<number>, tokenizer: Prepared['tokenizer']): Parts | undefined {
  const parts: Parts = [];
  let spelt = '';
  for (let from = 0, to = 0; from < tokens.length; from = to) {
    const hidden = masked.has(from);
    while (to < tokens.length && masked.has(to) === hidden) to++;
    const piece = tokenizer.decode(tokens.subarray(from, to));
    spelt += piece;
    parts.push(hidden ? { gap: to - from } : piece);
  }
  return spelt === tokenizer.decode(tokens) ? parts : undefined;
}

/** Share of the trigrams of a text that it had before. */
export function repetition(tokens: ArrayLike<number>): number {
  const seen = new Set<string>();
  for (let i = 2; i < tokens.length; i++) seen.add(`${tokens[i - 2]} ${tokens[i - 1]} ${tokens[i]}`);
  return tokens.length < 3 ? 0 : 1 - seen.size / (tokens.length - 2);
}

/** Masks and refills units of the last stage. @returns undefined if `signal` was aborted */
async function candidates({ config, prepared, engine, tokenizerJson, refill, signal }: Making): Promise<Candidate[] | undefined> {
  const { tokenizer, unitsPerStage } = prepared;
  const store = unitsPerStage.at(-1)!;
  const [low, high] = config.curriculum.stages.at(-1)!.masking_rate_range;
  const order = shuffleInPlace(
    stream(config.seed, 'pseudo'),
    Int32Array.from({ length: store.lengths.length }, (_, place) => place),
  ).subarray(0, pseudoDataCount(config.curriculum, store.lengths.length));
  const wanted = Array.from(order).flatMap((place) => {
    const realTokens = store.unit(place).tokens;
    const rng = stream(config.seed, 'pseudo', place);
    const t = low + rng.next() * (high - low);
    const { positions } = maskUnit({ length: realTokens.length, t, sampling: 'exact_count', rng });
    const parts = partsOf(realTokens, new Set(positions), tokenizer);
    return parts ? [{ place, realTokens, masked: positions.length, parts }] : [];
  });
  const texts = await withPresentModel({ config, engine, tokenizerJson }, (model) =>
    refill(model, { texts: wanted.map(({ parts }) => parts), seed: config.seed, signal }),
  );
  if (!texts) return undefined;
  return wanted.map(({ place, realTokens, masked }, i) => ({
    place,
    masked,
    of: realTokens.length,
    real: tokenizer.decode(realTokens),
    text: texts[i]!,
    tokens: tokenizer.encode(texts[i]!),
    realTokens,
  }));
}

/** Nats per token of each list of tokens, by the present model. @returns undefined if `signal` was aborted */
async function nelbos(lists: readonly Int32Array[], { config, engine, signal }: Making): Promise<number[] | undefined> {
  const shape = { length: config.model.max_seq_len, shiftHead: config.model.shift_head };
  const { rows } = packRows(
    lists.map((tokens, id) => ({ id, tokens })),
    shape,
  );
  const size = config.training.val_batch_size ?? config.training.batch_size;
  const batches = Array.from({ length: Math.ceil(rows.length / size) }, (_, i) =>
    assemble(rows.slice(i * size, (i + 1) * size), size, shape),
  );
  const levels = 2;
  const results = await evaluateMasks(engine, batches, { seed: config.seed, levels, brief: false, shiftHead: shape.shiftHead, signal });
  if (!results) return undefined;
  const order = batches.flatMap(({ units }) => units.map(({ unit }) => unit));
  const sums = new Array<number>(lists.length).fill(0);
  for (const { unit, weight, crossEntropy, maskable } of results) sums[order[unit]!]! += (weight * crossEntropy) / maskable / levels;
  return sums;
}

/** Marks those that are not to be learnt. @returns false if `signal` was aborted */
async function filter(made: readonly Candidate[], making: Making): Promise<boolean> {
  const { model } = making.config;
  const most = model.max_seq_len - slotOverhead(model.shift_head);
  for (const one of made) {
    if (one.text === one.real) one.dropped = 'unchanged';
    else if (one.tokens.length === 0 || one.tokens.length > most) one.dropped = 'too long';
    else if (repetition(one.tokens) > repetition(one.realTokens) + REPEATS) one.dropped = 'repeats itself';
  }
  const left = made.filter(({ dropped }) => dropped === undefined);
  if (left.length === 0) return true;
  const scores = await nelbos([...left.map(({ tokens }) => tokens), ...left.map(({ realTokens }) => realTokens)], making);
  if (!scores) return false;
  left.forEach((one, i) => {
    [one.nelbo, one.realNelbo] = [scores[i]!, scores[left.length + i]!];
    if (!(one.nelbo <= one.realNelbo + UNLIKELY)) one.dropped = 'unlikely';
  });
  return true;
}

/** `83 of 100 units kept (10 unchanged, 7 unlikely)` */
function describe(made: readonly Candidate[]): string {
  const counts = new Map<string, number>();
  for (const { dropped } of made) if (dropped) counts.set(dropped, (counts.get(dropped) ?? 0) + 1);
  const kept = made.filter(({ dropped }) => dropped === undefined).length;
  const why = [...counts].map(([reason, count]) => `${count} ${reason}`);
  return `${kept} of ${made.length} units kept${why.length > 0 ? ` (${why.join(', ')})` : ''}`;
}

/** Generates the pseudo-data of a run and writes where each unit comes from. @returns undefined if `signal` was aborted */
export async function makePseudoData(making: Making): Promise<(PseudoData & { summary: string }) | undefined> {
  const made = await candidates(making);
  if (!made || !(await filter(made, making))) return undefined;
  const lines = made.map((one) => `${JSON.stringify({ ...one, tokens: undefined, realTokens: undefined })}\n`);
  await writeFileWhole(join(making.folder, 'pseudo.jsonl'), lines.join(''), places.run);
  const first = making.prepared.unitsPerStage.at(-1)!.lengths.length;
  const units = made.filter(({ dropped }) => dropped === undefined).map(({ tokens }, i) => ({ id: first + i, tokens: [...tokens] }));
  return { units, summary: describe(made) };
}

/** The units as batches take them. */
export const storedUnits = ({ units }: PseudoData): StoredUnit[] =>
  units.map(({ id, tokens }) => ({ id, tokens: Int32Array.from(tokens) }));
