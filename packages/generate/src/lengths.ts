// Chooses how many tokens a gap of unknown length gets: it fills the gap once with each length and keeps the best.
import { layOut, windowLimit, type FixedPart, type Layout, type Part } from './canvas.js';
import { GenerateError } from './errors.js';
import { fill, type Run, type Target } from './fill.js';
import type { Model } from './model.js';
import { seedAt, type Sampling } from './options.js';

/** Lengths tried for one gap, at most. */
const TRIES = 12;
/** Tokens of a gap while those before it are tried: about what a phrase has. */
const PROVISIONAL = 4;
/** Mean tokens of a sentence (docs/log/2026-11-30-gaps-of-unknown-length.md). A span of n tokens holds no end of one with chance (1 − 1/28)^(n − 1). */
const SENTENCE = 28;

type Range = readonly [number, number];

interface ChooseArgs {
  readonly model: Model;
  readonly parts: readonly Part[];
  readonly sampling: Sampling;
  /** puts words that stand at fixed places into a canvas */
  readonly place?: (layout: Layout) => Pick<Target, 'layout' | 'constraints'>;
}

export interface Chosen {
  readonly parts: readonly FixedPart[];
  /** passes spent on the choice */
  readonly nfe: number;
}

/**
 * For each text, the parts with a length for every gap. Each length of a range is tried (12 of a long one, evenly spaced in ratio): the best has
 * the largest mean ln p of the tokens written, plus ln of the chance above. Gaps are chosen one after another, left to right, those behind at 4
 * tokens, so k gaps cost at most 12·k trials. A text with the chosen lengths and the same seed is the one that won. Throws {@link GenerateError}.
 */
export async function chooseLengths({ model, parts, sampling, place = (layout) => ({ layout }) }: ChooseArgs, run: Run): Promise<Chosen[]> {
  const ranges = parts.map((part) => (typeof part === 'object' && typeof part.gap !== 'number' ? checked(part.gap) : null));
  const start = provisional(model, parts, ranges);
  let texts = Array.from({ length: sampling.n }, (): Chosen => ({ parts: start, nfe: 0 }));
  for (const [i, range] of ranges.entries()) {
    if (range === null) continue;
    const tries = texts.flatMap((text, row) =>
      lengthsWithin(range, roomFor(model, text.parts, i)).map((gap) => ({ row, parts: text.parts.with(i, { gap }), gap })),
    );
    const targets = tries.map(({ parts: tried, row }, index): Target => ({
      ...place(layOut(tried, model.config, model.tokenizer, { closed: true })),
      seed: seedAt(sampling, row),
      row: index,
    }));
    const trials = await likelihoods({ model, sampling, targets }, run);
    texts = texts.map((text, row) => {
      const own = tries.flatMap((attempt, t) => (attempt.row === row ? [{ ...attempt, ...trials[t]! }] : []));
      const score = (attempt: (typeof own)[number]): number => attempt.mean + (attempt.gap - 1) * Math.log(1 - 1 / SENTENCE);
      const best = own.reduce((winner, attempt) => (score(attempt) > score(winner) ? attempt : winner));
      return { parts: best.parts, nfe: text.nfe + Math.max(...own.map(({ nfe }) => nfe)) };
    });
  }
  return texts;
}

function checked(range: Range): Range {
  const [least, most] = range;
  const right = range.length === 2 && [least, most].every((value) => Number.isInteger(value) && value >= 1) && least <= most;
  if (!right) {
    throw new GenerateError(
      `gap: expected an integer >= 1 (tokens to fill) or a range [least, most] of them, got ${JSON.stringify(range)}`,
    );
  }
  return range;
}

/** The parts with every open gap at a length to start from: the least one where more do not fit. */
function provisional({ config, tokenizer }: Model, parts: readonly Part[], ranges: readonly (Range | null)[]): FixedPart[] {
  const at = (length: (range: Range) => number): FixedPart[] =>
    parts.map((part, i) => (ranges[i] ? { gap: length(ranges[i]) } : (part as FixedPart)));
  const shortest = at(([least]) => least);
  const used = layOut(shortest, config, tokenizer, { closed: true });
  const usual = at(([least, most]) => Math.max(least, Math.min(most, PROVISIONAL)));
  const more = ranges.reduce((sum, range) => sum + (range ? Math.max(0, Math.min(range[1], PROVISIONAL) - range[0]) : 0), 0);
  return used.ids.length - used.offset + more <= windowLimit(config) ? usual : shortest;
}

/** The most tokens that gap `i` may have beside the other parts. */
function roomFor({ config, tokenizer }: Model, parts: readonly FixedPart[], i: number): number {
  const { ids, offset } = layOut(parts.with(i, { gap: 1 }), config, tokenizer, { closed: true });
  return windowLimit(config) - (ids.length - offset) + 1;
}

/** Every length of a range, or `TRIES` of them in equal ratios; at most `room`. */
export function lengthsWithin([least, most]: Range, room: number): number[] {
  const last = Math.max(least, Math.min(most, room));
  const count = last - least + 1;
  if (count <= TRIES) return Array.from({ length: count }, (_, k) => least + k);
  const spaced = Array.from({ length: TRIES }, (_, k) => Math.round(least * (last / least) ** (k / (TRIES - 1))));
  // Equal ratios round to the same small numbers: each is at least one more than the one before.
  for (let k = 1; k < TRIES; k++) spaced[k] = Math.max(spaced[k]!, spaced[k - 1]! + 1);
  return spaced;
}

/** Fills each target once: the mean ln p of its tokens, each at temperature 1 as it was drawn; −∞ where words at fixed places leave none to draw. */
async function likelihoods(
  { model, sampling, targets }: { model: Model; sampling: Sampling; targets: readonly Target[] },
  run: Run,
): Promise<{ mean: number; nfe: number }[]> {
  const sums = targets.map(() => ({ sum: 0, count: 0 }));
  const onStep: Run['onStep'] = ({ row, commits }) => {
    for (const { probability } of commits) {
      sums[row]!.sum += Math.log(probability);
      sums[row]!.count++;
    }
  };
  const results = await fill({ model, sampling, closed: true, targets }, { ...run, onStep });
  return results.map(({ nfe }, i) => ({ mean: sums[i]!.count === 0 ? -Infinity : sums[i]!.sum / sums[i]!.count, nfe }));
}
