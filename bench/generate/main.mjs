// What sampling costs and how exact it is: each sampler against an exact chain, scoring beside plain scoring, the event loop while a model writes.
import { loadModel } from '@mdiff/generate';
import { optionsOf, text, whole } from '../shared/options.mjs';
import { fixed, resultPath, writeResult, writeTo } from '../shared/results.mjs';
import { delays } from './delay.ts';
import { exactness, noise, strategies, tableOf } from './exactness.ts';
import { scoring } from './scoring.ts';

const options = optionsOf({
  name: 'generate',
  about: 'Samplers: distance from an exact distribution, processor time of scoring, delay of the event loop.',
  options: {
    model: { kind: text('folder'), help: 'a model folder, for the delay of the event loop; without it that part is left out' },
    draws: { kind: whole(1000), default: 40000, help: 'texts of each sampler on the exact chain' },
    rounds: { kind: whole(1), default: 15, help: 'rounds of scoring; the best counts' },
    out: { kind: text('file'), help: 'write the figures there' },
  },
});

const rows = [];
for (const strategy of strategies) {
  const row = await exactness(strategy, options.draws);
  rows.push({ name: row.name, distance: fixed(row.distance, 4), deviate: fixed(row.deviate, 1), nfe: fixed(row.nfe, 2) });
}
const { mean, deviation } = noise(options.draws);
console.log(`${options.draws} draws; an exact sampler has a total variation of ${mean.toFixed(4)} ± ${deviation.toFixed(4)}`);
console.log(tableOf(rows, options.draws));

const scored = scoring(options.rounds).map(({ name, plain, ours, ratio }) => ({
  name,
  plain_ms: fixed(plain, 3),
  ours_ms: fixed(ours, 3),
  ratio: fixed(ratio, 2),
}));
console.table(scored);

const figures = { exactness: { draws: options.draws, rows }, scoring: scored };
if (options.model !== undefined) {
  const model = await loadModel(options.model);
  const settings = { sampler: 'confidence', temperature: 0.8, topP: 0.95, numSteps: 32, blockLength: null, n: 2, seed: 1 };
  const { equal, rows: measured } = await delays(model, settings);
  await model.close();
  figures.delay = {
    equal,
    rows: measured.map((row) => ({ ...row, wall: fixed(row.wall, 0), longest: fixed(row.longest, 1), busy: fixed(row.busy, 3) })),
  };
  console.log(equal ? 'both threads write the same texts' : 'THE TEXTS DIFFER');
  console.table(figures.delay.rows);
  if (options.out === undefined) writeResult('generate', figures);
}
if (options.out !== undefined) writeTo(options.out, figures);
else if (options.model === undefined) console.log(`without --model nothing is written to ${resultPath('generate')}`);
