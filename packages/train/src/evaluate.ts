import type { Batch } from '@mdiff/curriculum';
import { bucketsByRatio, nelboEstimate, stratifiedMasks } from '@mdiff/diffusion';
import type { EvaluationResult } from '@mdiff/diffusion';
import type { StepEngine, StepBatch } from '@mdiff/engine';
import type { HeldOut } from '@mdiff/prepare';
import { nonFinite } from './nonfinite.js';
import { MASK, causalStep, finish, toStepBatch } from './objective.js';

export interface NelboFigure {
  /** nats per token: in expectation an upper bound on the negative log-likelihood */
  nelbo: number;
  /** standard error, over units */
  se: number;
  bitsPerByte: number;
}

export interface Nelbo extends NelboFigure {
  /** the same by one mask of each unit, always the same one: evaluations of a run are compared by it */
  brief: NelboFigure;
  /** mean cross-entropy of a masked token in ten equal parts of the mask ratios (0, 1], nats; null where no mask has such a ratio */
  byRatio: (number | null)[];
  /** nats of each held-out unit: the mean over its masks */
  perUnit: number[];
}

/** The last evaluation has several masks of each held-out unit, which halves the noise of the reported figure. The others have one of these. */
export const FINAL_LEVELS = 4;

export interface EvaluationOptions {
  /** looked at before each batch */
  signal: AbortSignal;
  /** called after each batch */
  onBatch?: (done: number, total: number) => void;
}

export interface NelboOptions extends EvaluationOptions {
  seed: number;
  /** one mask of each unit instead of all */
  brief: boolean;
  shiftHead: boolean;
}

export interface MaskOptions extends NelboOptions {
  /** mask patterns of a unit */
  levels: number;
}

/** A model that gives no finite loss has no figure, and is not exported. */
const noFigure = (loss: number): Error => nonFinite(`held-out text: expected a finite loss, got ${loss}`);

type MaskResult = EvaluationResult & Pick<Masks[number], 'brief'>;
type Masks = ReturnType<typeof stratifiedMasks>;
type HeldOutUnit = Batch['units'][number] & { batch: number };

export const bitsPerByte = (natsPerToken: number, { tokens, bytes }: Pick<HeldOut, 'tokens' | 'bytes'>): number =>
  (natsPerToken * tokens) / bytes / Math.LN2;

/**
 * NELBO over the whole range of masking rates. The masks are the same for every call with the same `seed`, so losses of different stages, steps and
 * runs are comparable; those of a brief evaluation are among those of a full one.
 * @returns undefined if `signal` was aborted before the last batch
 */
export async function evaluateNelbo(engine: StepEngine, heldOut: HeldOut, options: NelboOptions): Promise<Nelbo | undefined> {
  const results = await evaluateMasks(engine, heldOut.batches, { ...options, levels: FINAL_LEVELS });
  if (!results) return undefined;
  const figureOf = (some: readonly EvaluationResult[]): NelboFigure => {
    const { nelbo, standardError } = nelboEstimate(some);
    return { nelbo, se: standardError, bitsPerByte: bitsPerByte(nelbo, heldOut) };
  };
  const figure = figureOf(results);
  if (!Number.isFinite(figure.nelbo)) throw noFigure(figure.nelbo);
  const byRatio = bucketsByRatio(results).map(({ tokens, crossEntropy }) => (tokens > 0 ? crossEntropy : null));
  const levels = options.brief ? 1 : FINAL_LEVELS;
  const perUnit = new Array<number>(results.length / levels).fill(0);
  for (const { unit, weight, crossEntropy } of results) perUnit[unit]! += (weight * crossEntropy) / levels;
  return { ...figure, brief: figureOf(results.filter(({ brief }) => brief)), byRatio, perUnit };
}

/**
 * Σ cross-entropy of every unit under its fixed masks, or one of them; `unit` counts the units of the batches in order.
 * @returns undefined if `signal` was aborted before the last batch
 */
export async function evaluateMasks(
  engine: StepEngine,
  batches: readonly Batch[],
  { seed, levels, brief, shiftHead, signal, onBatch }: MaskOptions,
): Promise<MaskResult[] | undefined> {
  const units = batches.flatMap((batch, index): HeldOutUnit[] => batch.units.map((unit) => ({ ...unit, batch: index })));
  const masks = stratifiedMasks({ lengths: units.map(({ length }) => length), levels, seed });
  const results: MaskResult[] = [];
  // A pass has one mask of each unit.
  const inPass = brief
    ? [masks.filter((mask) => mask.brief)]
    : Array.from({ length: levels }, (_, level) => masks.filter((_mask, i) => i % levels === level));
  const passes = Array.from({ length: inPass.length }, (_, level) => batches.map((batch, index) => ({ level, batch, index }))).flat();
  const whole = await inTurn(engine, passes, { signal, ...(onBatch && { onBatch }) }, ({ level, batch, index }) => {
    const batchMasks = inPass[level]!.filter(({ unit }) => units[unit]!.batch === index);
    return {
      input: masked(batch, batchMasks, units, shiftHead),
      take: (losses) => results.push(...sumPerUnit(losses, batchMasks)),
    };
  });
  return whole ? results : undefined;
}

interface Evaluated {
  input: StepBatch;
  /** gets its cross-entropies */
  take(losses: Float32Array): void;
}

/** Evaluates `items` in order, as many at once as there are ranks. @returns false if `signal` was aborted before the last one */
async function inTurn<Item>(
  engine: StepEngine,
  items: readonly Item[],
  { signal, onBatch }: EvaluationOptions,
  toEvaluate: (item: Item) => Evaluated,
): Promise<boolean> {
  const { ranks = 1 } = engine;
  for (let done = 0; done < items.length; done += ranks) {
    if (signal.aborted) return false;
    const group = items.slice(done, done + ranks).map(toEvaluate);
    const inputs = group.map(({ input }) => input);
    const losses = engine.evaluateAll ? await engine.evaluateAll(inputs) : [await engine.evaluate(inputs[0]!)];
    group.forEach(({ take }, i) => take(losses[i]!));
    onBatch?.(done + group.length, items.length);
  }
  return true;
}

/** The batch with the masked positions of its units as loss positions, in the order of `masks`. */
function masked(batch: Batch, masks: Masks, units: readonly HeldOutUnit[], shiftHead: boolean): StepBatch {
  const input = toStepBatch(batch);
  const rows: number[] = [];
  const targets: number[] = [];
  for (const { unit, positions } of masks) {
    const base = units[unit]!.row * batch.S + units[unit]!.maskableStart;
    for (const position of positions) {
      rows.push(base + position - (shiftHead ? 1 : 0));
      targets.push(batch.ids[base + position]!);
      input.ids[base + position] = MASK;
    }
  }
  return finish(input, { rows, targets, weights: new Array<number>(rows.length).fill(1), causal: 0 });
}

function sumPerUnit(losses: Float32Array, masks: Masks): MaskResult[] {
  let next = 0;
  return masks.map(({ unit, t, weight, maskable, positions, brief }) => {
    let crossEntropy = 0;
    for (let i = 0; i < positions.length; i++) crossEntropy += losses[next++]!;
    return { unit, t, weight, maskable, brief, crossEntropy };
  });
}

/**
 * Next-token loss of the same weights in causal mode, nats per token: exact for that mode, and no bound for the other.
 * @returns undefined if `signal` was aborted before the last batch
 */
export async function evaluateCausal(engine: StepEngine, heldOut: HeldOut, options: EvaluationOptions): Promise<number | undefined> {
  const nats = await causalNats(engine, heldOut, options);
  return nats && nats.reduce((sum, value) => sum + value, 0) / heldOut.tokens;
}

/** Next-token loss of each held-out unit, in nats. @returns as `evaluateCausal` does */
export async function causalNats(engine: StepEngine, heldOut: HeldOut, options: EvaluationOptions): Promise<number[] | undefined> {
  const nats: number[] = [];
  const whole = await inTurn(engine, heldOut.batches, options, (batch) => ({
    input: causalStep([batch])[0]!,
    take: (losses) => {
      let next = 0;
      for (const { length } of batch.units) {
        let sum = 0;
        for (let i = 0; i < length; i++) sum += losses[next++]!;
        if (!Number.isFinite(sum)) throw noFigure(sum);
        nats.push(sum);
      }
    },
  }));
  return whole ? nats : undefined;
}
