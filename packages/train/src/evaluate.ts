import { nelboEstimate, stratifiedMasks } from '@mdiff/diffusion';
import type { EvaluationResult } from '@mdiff/diffusion';
import type { Engine } from '@mdiff/engine';
import type { HeldOut } from '@mdiff/prepare';
import { MASK, causalStep, finish, toStepBatch } from './objective.js';

export interface Nelbo {
  /** nats per token: in expectation an upper bound on the negative log-likelihood */
  nelbo: number;
  /** standard error, over units */
  se: number;
  bitsPerByte: number;
}

export const bitsPerByte = (natsPerToken: number, { tokens, bytes }: Pick<HeldOut, 'tokens' | 'bytes'>): number => (natsPerToken * tokens) / bytes / Math.LN2;

/**
 * NELBO over the whole range of masking rates, on masks that are the same for every call with the same `seed` and `levels` (mask patterns
 * per unit): losses of different stages, steps and runs are comparable.
 */
export async function evaluateNelbo(engine: Engine, heldOut: HeldOut, { seed, levels, shiftHead }: { seed: number; levels: number; shiftHead: boolean }): Promise<Nelbo> {
  const units = heldOut.batches.flatMap((batch, index) => batch.units.map((unit) => ({ ...unit, index })));
  const masks = stratifiedMasks({ lengths: units.map(({ length }) => length), levels, seed });
  const results: EvaluationResult[] = [];
  for (let level = 0; level < levels; level++) {
    for (const [index, batch] of heldOut.batches.entries()) {
      const input = toStepBatch(batch);
      const rows: number[] = [];
      const targets: number[] = [];
      const own = masks.filter(({ unit }, i) => i % levels === level && units[unit]!.index === index);
      for (const { unit, positions } of own) {
        const base = units[unit]!.row * batch.S + units[unit]!.maskableStart;
        for (const position of positions) {
          rows.push(base + position - (shiftHead ? 1 : 0));
          targets.push(batch.ids[base + position]!);
          input.ids[base + position] = MASK;
        }
      }
      const ce = await engine.evaluate(finish(input, rows, targets, new Array<number>(rows.length).fill(1), 0));
      let at = 0;
      for (const { unit, t, weight, maskable, positions } of own) {
        let crossEntropy = 0;
        for (let i = 0; i < positions.length; i++) crossEntropy += ce[at++]!;
        results.push({ unit, t, weight, maskable, crossEntropy });
      }
    }
  }
  const { nelbo, standardError } = nelboEstimate(results);
  return { nelbo, se: standardError, bitsPerByte: bitsPerByte(nelbo, heldOut) };
}

/** Next-token loss of the same weights in causal mode, nats per token: exact for that mode, and no bound for the other. */
export async function evaluateCausal(engine: Engine, heldOut: HeldOut): Promise<number> {
  let sum = 0;
  for (const batch of heldOut.batches) {
    const [step] = causalStep([batch]);
    for (const ce of await engine.evaluate(step!)) sum += ce;
  }
  return sum / heldOut.tokens;
}
