// The recipe of quickstart_scratch against the plain masked-diffusion objective: same text, tokenizer, shape and number of steps.
import { readFileSync } from 'node:fs';
import { chart } from '../shared/chart.mjs';
import { optionsOf, text } from '../shared/options.mjs';
import { resultPath, writeChart, writeResult } from '../shared/results.mjs';
import { metricsOf } from '../shared/training.mjs';

const options = optionsOf({
  name: 'recipe',
  about: 'The recipe of quickstart_scratch against the plain objective: two trainings, about fifteen minutes.',
  options: {
    set: { kind: text('key=value'), many: true, help: 'a setting of both runs; may be repeated' },
    reuse: { help: 'take finished runs as they are' },
  },
});
const plain = {
  'model.conv_width': '0',
  'model.shift_head': 'false',
  'training.causal_fraction': '0',
  'curriculum.full_range_fraction': '0',
  'curriculum.stages': '[{name: text, epochs: 20, masking_rate_range: [0.001, 1], data_selection: all, format_type: paragraphs}]',
};
const arms = [
  { name: 'quickstart', label: 'recipe of quickstart_scratch', set: {} },
  { name: 'plain', label: 'plain objective', set: plain },
];

for (const arm of arms) {
  const settings = ['training.eval_every=100', ...Object.entries(arm.set).map(([key, value]) => `${key}=${value}`), ...options.set];
  arm.metrics = metricsOf(`recipe-${arm.name}`, settings, () => options.reuse);
  const last = arm.metrics.at(-1);
  console.log(
    `${arm.label}: ${last.nelbo.toFixed(3)} ± ${last.nelbo_se.toFixed(3)} nats/token = ${last.bits_per_byte.toFixed(3)} bits/byte after ${last.step} steps`,
  );
}

const ngrams = JSON.parse(readFileSync(resultPath('ngram'), 'utf8')).models;
writeResult('recipe', {
  arms: arms.map(({ name, label, set, metrics }) => ({
    name,
    label,
    set,
    evaluations: metrics.filter(({ nelbo, causal_nll }) => nelbo ?? causal_nll),
  })),
});
writeChart(
  'recipe',
  chart({
    title: 'Held-out bits per byte on Moby-Dick (full-range NELBO, an upper bound)',
    x: 'training steps (2,048 tokens each)',
    y: 'bits/byte',
    series: arms.map(({ label, metrics }) => ({
      label,
      points: metrics.filter(({ nelbo }) => nelbo !== undefined).map(({ step, bits_per_byte }) => [step, bits_per_byte]),
    })),
    lines: [
      { label: 'unigram', y: ngrams[0].bits_per_byte },
      { label: 'Kneser–Ney 5-gram', y: ngrams.at(-1).bits_per_byte },
    ],
  }),
);
