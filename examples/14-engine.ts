// An engine runs the training step: it owns weights, moments and gradient, and its caller sees batches and losses.
import { modelConfig } from '@mdiff/config';
import { engines, type StepBatch } from '@mdiff/engine';

const model = modelConfig({ d_model: 16, n_layers: 1, n_heads: 2, d_ff: 24, vocab_size: 31, max_seq_len: 8 });
const engine = await engines['onnxruntime']!({ model, threads: 1, labelSmoothing: 0, seed: 42 });
const batch: StepBatch = {
  ...{ B: 1, S: 4, causal: 0, ids: Int32Array.of(7, 0, 9, 3), segments: Int32Array.of(1, 1, 1, 1), positions: Int32Array.of(0, 1, 2, 3) },
  ...{ rows: Int32Array.of(1), targets: Int32Array.of(8), weights: Float32Array.of(1) }, // token 8 was hidden at position 1
};
const losses: number[] = [];
for (let step = 1; step <= 20; step++) {
  const { loss } = await engine.step([batch], { lr: 0.05, step, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0, clip: 1, ema: 0 });
  losses.push(loss);
}
await engine.close();
console.log(`before: ${losses[0]!.toFixed(1)} nats, about ln 30: one of the tokens that are not [MASK]`);
console.log(`after 20 steps: below 0.1 nats: ${losses.at(-1)! < 0.1}`);

// Prints:
// before: 3.4 nats, about ln 30: one of the tokens that are not [MASK]
// after 20 steps: below 0.1 nats: true
