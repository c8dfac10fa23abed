// The child process of the memory bench: one engine, one shape, one peak. `node … measure.mjs '<JSON of a setting>'` prints one line of JSON.
import { stream } from '@mdiff/diffusion';
import { engines } from '@mdiff/engine';
import { writeSafetensors } from '@mdiff/folder';
import { median } from '../shared/median.ts';
import { peakMb } from '../shared/peak.ts';
import { fixed } from '../shared/results.mjs';
import { contenders, heldOut, sizes } from './settings.mjs';

const { size, engine: name, checkpointing, steps, masked, threads } = JSON.parse(process.argv[2]);
const { model, B } = { ...sizes, ...heldOut }[size];
const S = model.max_seq_len;
const rng = stream(1, 'bench memory');
const int = (of) => Int32Array.from({ length: B * S }, (_, i) => of(i));
const rows = int((i) => i).filter(() => rng.next() < masked);
const batch = {
  B,
  S,
  ids: int(() => rng.int(model.vocab_size)),
  segments: int(() => 1),
  positions: int((i) => i % S),
  causal: 0,
  rows,
  targets: rows.map(() => 1 + rng.int(model.vocab_size - 1)),
  weights: new Float32Array(rows.length).fill(1 / rows.length),
};
const update = { lr: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, clip: 1, ema: 0 };
const engine = await engines[name.replace('_bf16', '')]({ model, threads, labelSmoothing: 0, checkpointing, seed: 1, ...contenders[name] });
const opened = peakMb();
const times = [];
let loss;
for (let step = 1; step <= steps + 1; step++) {
  const begun = performance.now();
  ({ loss } = await engine.step([batch], { ...update, step }));
  times.push(performance.now() - begun);
}
const stepped = peakMb();
// A run also evaluates, keeps a checkpoint and exports.
await engine.evaluate(batch);
const state = await engine.read();
const files = ['params', 'm', 'v'].map((slot) =>
  writeSafetensors(
    engine.layout.params.map(({ name, shape, offset, size }) => ({ name, shape, data: state[slot].subarray(offset, offset + size) })),
  ),
);
files.push(await engine.exportOnnx((await engine.read()).params));
const peak = peakMb();
await engine.close();

const mb = (value) => fixed(value, 1);
const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
process.stdout.write(
  JSON.stringify({
    parameters: engine.layout.total,
    loss,
    step_ms: mb(median(times.slice(1))),
    opened_mb: mb(opened),
    stepped_mb: mb(stepped),
    peak_mb: mb(peak),
    files_mb: mb(bytes / 1e6),
  }),
);
