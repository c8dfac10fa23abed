import { complementOf, drawRates, lossWeights, maskUnit, stream } from '@mdiff/diffusion';
import type { UnitMask } from '@mdiff/diffusion';
import type { Batch } from '@mdiff/curriculum';
import type { TrainingConfig } from '@mdiff/config';
import type { StepBatch } from '@mdiff/engine';
import { RESERVED } from '@mdiff/folder';

export const MASK = RESERVED.mask;

/** How the units of one step are masked. */
export interface MaskedObjective {
  seed: number;
  /** steps done before this one; with the seed it decides all draws */
  step: number;
  /** [min, max] masking rate of the stage, already blended at a transition */
  range: readonly [number, number];
  fullRangeFraction: number;
  training: Pick<TrainingConfig, 'time_sampling' | 'mask_sampling' | 'loss_weighting' | 'complementary_masks'>;
  shiftHead: boolean;
}

/** The inputs that the network reads, without loss positions. */
type Input = Pick<StepBatch, 'B' | 'S' | 'ids' | 'segments' | 'positions'>;

/** The clean batch as the network's input, with ids that may be overwritten. */
export function toStepBatch(batch: Batch): Input {
  const { B, S, ids, segments, positions } = batch;
  return { B, S, ids: ids.slice(), segments, positions };
}

/** A unit of a step, and the batch that it stands in. */
type StepUnit = Batch['units'][number] & { pass: number };

/**
 * Masks the batches of one optimiser step. Rates are stratified over all units of the step, and the loss is normalised over them, for any
 * number of batches (MDLM, arXiv 2406.07524, section 3; low-discrepancy t after VDM, arXiv 2107.00630, appendix I). With `complementary_masks` each
 * batch comes a second time, behind all the others, with the complements of its masks.
 */
export function maskedStep(batches: readonly Batch[], objective: MaskedObjective): StepBatch[] {
  const { seed, step, training, shiftHead } = objective;
  const units = batches.flatMap((batch, pass) => batch.units.map((unit): StepUnit => ({ ...unit, pass })));
  const { t, importance } = drawRates({
    count: units.length,
    range: objective.range,
    fullRangeFraction: objective.fullRangeFraction,
    sampling: training.time_sampling,
    rng: stream(seed, 'rates', step),
  });
  const rng = stream(seed, 'masks', step);
  const settings = units.map(({ length }, i) => ({ length, t: t[i]!, sampling: training.mask_sampling }));
  const masks = settings.map((setting) => maskUnit({ ...setting, rng }));
  const views = training.complementary_masks ? [masks, masks.map((mask, i) => complementOf(mask, settings[i]!))] : [masks];
  const weights = lossWeights({
    weighting: training.loss_weighting,
    units: views.flatMap((view) =>
      view.map(({ positions, weight }, i) => ({
        length: units[i]!.length,
        masked: positions.length,
        weight,
        importance: importance[i]!,
      })),
    ),
  });
  return views.flatMap((view, index) => {
    const weightsHere = weights.subarray(index * units.length);
    return batches.map((batch, pass) => masked(batch, pass, { units, masks: view, weights: weightsHere, shiftHead }));
  });
}

/** A batch of the step with the masks of its units, and a loss at each masked position. */
function masked(
  batch: Batch,
  pass: number,
  {
    units,
    masks,
    weights,
    shiftHead,
  }: { units: readonly StepUnit[]; masks: readonly UnitMask[]; weights: Float64Array; shiftHead: boolean },
): StepBatch {
  const input = toStepBatch(batch);
  const rows: number[] = [];
  const targets: number[] = [];
  const positionWeights: number[] = [];
  units.forEach((unit, i) => {
    if (unit.pass !== pass) return;
    const base = unit.row * batch.S + unit.maskableStart;
    for (const position of masks[i]!.positions) {
      rows.push(base + position - (shiftHead ? 1 : 0));
      targets.push(batch.ids[base + position]!);
      positionWeights.push(weights[i]!);
      input.ids[base + position] = MASK;
    }
  });
  return finish(input, { rows, targets, weights: positionWeights, causal: 0 });
}

/** The batches for next-token prediction: every token is a target; attention and convolution see only the past. */
export function causalStep(batches: readonly Batch[]): StepBatch[] {
  const total = batches.reduce((sum, batch) => sum + batch.units.reduce((n, unit) => n + unit.length, 0), 0);
  return batches.map((batch) => {
    const rows: number[] = [];
    const targets: number[] = [];
    for (const unit of batch.units) {
      const base = unit.row * batch.S + unit.maskableStart;
      for (let i = 0; i < unit.length; i++) {
        rows.push(base + i - 1); // needs shift_head: [BOS] stands before the first token (rule E21)
        targets.push(batch.ids[base + i]!);
      }
    }
    return finish(toStepBatch(batch), { rows, targets, weights: new Array<number>(rows.length).fill(1 / total), causal: 1 });
  });
}

/** Loss positions, flattened over the batch, each with its target and its weight in the loss. */
interface LossPositions {
  rows: readonly number[];
  targets: readonly number[];
  weights: readonly number[];
  causal: 0 | 1;
}

/** The input with its loss positions, in the types of the engine. */
export function finish(input: Input, { rows, targets, weights, causal }: LossPositions): StepBatch {
  return { ...input, causal, rows: Int32Array.from(rows), targets: Int32Array.from(targets), weights: Float32Array.from(weights) };
}
