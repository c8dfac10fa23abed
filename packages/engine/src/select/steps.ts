import type { ModelConfig } from '@mdiff/config';
import { closing, RESERVED } from '@mdiff/folder';
import type { StepBatch } from '../engine.js';
import { engines } from '../open.js';
import type { StepTrial } from './trial.js';

// The training steps of a trial, in the process of trial-process.ts.

/** Tokens in a batch of a step trial. */
const TOKENS = 2048;
/** Positions in a row, if the network has so many. */
const POSITIONS = 256;
/** Share of the positions whose tokens are predicted. */
const MASKED = 0.3;

/** A batch of the trial's network: any tokens do, because the time of a step does not depend on them. */
function batchOf({ vocab_size, max_seq_len }: ModelConfig): StepBatch {
  const S = Math.min(max_seq_len, POSITIONS);
  const B = Math.max(1, Math.round(TOKENS / S));
  const first = RESERVED.sep + 1;
  const ids = Int32Array.from({ length: B * S }, (_, i) => first + ((i * 7919) % (vocab_size - first)));
  const rows = Int32Array.from({ length: Math.round(B * S * MASKED) }, (_, i) => Math.floor(i / MASKED));
  return {
    B,
    S,
    ids,
    segments: new Int32Array(B * S),
    positions: Int32Array.from({ length: B * S }, (_, i) => i % S),
    causal: 0,
    rows,
    targets: rows.map((row) => ids[row]!),
    weights: new Float32Array(rows.length).fill(1 / rows.length),
  };
}

/** Steps to take: at least so many, and until so many ms have passed. */
const LEAST_STEPS = 3;
const LEAST_MS = 1000;
const MOST_STEPS = 20;

/** The shortest step of a few: other work on the machine makes steps longer, never shorter. */
export async function timeSteps({ setting, model, tensorflow: library }: StepTrial): Promise<{ ms: number }> {
  const { engine: name, device, threads, precision, products } = setting;
  const engine = await engines[name]!({
    model,
    threads,
    labelSmoothing: 0,
    seed: 1,
    device,
    mixedPrecision: precision === 'bfloat16',
    ...(products && { products }),
    ...(library && { tensorflow: library }),
  });
  return closing(engine, async () => {
    const batch = batchOf(model);
    const update = { lr: 1e-4, beta1: 0.9, beta2: 0.98, eps: 1e-9, weightDecay: 0, clip: 1, ema: 0 };
    await engine.step([batch], { ...update, step: 1 }); // compiles
    const began = performance.now();
    let ms = Infinity;
    for (let step = 2; step < 2 + MOST_STEPS && (step < 2 + LEAST_STEPS || performance.now() - began < LEAST_MS); step++) {
      const start = performance.now();
      await engine.step([batch], { ...update, step });
      ms = Math.min(ms, performance.now() - start);
    }
    return { ms };
  });
}
