// The recipe of quickstart against the plain masked-diffusion objective, same text, tokenizer, shape and number of steps.
// npm run bench -- recipe [--set key=value …, for both arms] [--reuse: take finished runs as they are]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chart } from './chart.mjs';

const { values: options } = parseArgs({ options: { set: { type: 'string', multiple: true, default: [] }, reuse: { type: 'boolean', default: false } } });
const root = fileURLToPath(new URL('..', import.meta.url));
const plain = {
  'model.conv_width': '0',
  'model.shift_head': 'false',
  'training.causal_fraction': '0',
  'curriculum.full_range_fraction': '0',
  'curriculum.stages': '[{name: text, epochs: 20, masking_rate_range: [0.001, 1], data_selection: all, format_type: paragraphs}]',
};
const arms = [
  { name: 'quickstart', label: 'quickstart recipe', set: {} },
  { name: 'plain', label: 'plain objective', set: plain },
];

for (const arm of arms) {
  const run = `bench-recipe-${arm.name}`;
  const folder = join(root, 'outputs', run);
  const finished = existsSync(join(folder, 'model', 'manifest.json'));
  if (!(options.reuse && finished)) {
    const settings = [`experiment_name=${run}`, 'training.eval_every=100', ...Object.entries(arm.set).map(([key, value]) => `${key}=${value}`), ...options.set];
    const { status } = spawnSync(
      process.execPath,
      [join(root, 'apps/mdiff/bin/mdiff.js'), 'train', '--config', join(root, 'runs/quickstart.yaml'), '--fresh', ...settings.flatMap((setting) => ['--set', setting])],
      { cwd: root, stdio: 'inherit' },
    );
    if (status !== 0) throw Object.assign(new Error(`the arm "${arm.name}" ended with code ${status}`), { code: 'MDIFF_BENCH' });
  }
  arm.metrics = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const [last] = arm.metrics.slice(-1);
  console.log(`${arm.label}: ${last.nelbo.toFixed(3)} ± ${last.nelbo_se.toFixed(3)} nats/token = ${last.bits_per_byte.toFixed(3)} bits/byte after ${last.step} steps`);
}

const tokens = JSON.parse(readFileSync(new URL('results/ngram.json', import.meta.url), 'utf8')).models;
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('results/recipe.json', import.meta.url),
  `${JSON.stringify({ arms: arms.map(({ name, label, set, metrics }) => ({ name, label, set, evaluations: metrics.filter(({ nelbo, causal_nll }) => nelbo ?? causal_nll) })) }, null, 1)}\n`,
);
writeFileSync(
  new URL('../docs/recipe.svg', import.meta.url),
  chart({
    title: 'Held-out bits per byte on Moby-Dick (full-range NELBO, an upper bound)',
    x: 'training steps (2,048 tokens each)',
    y: 'bits/byte',
    series: arms.map(({ label, metrics }) => ({ label, points: metrics.filter(({ nelbo }) => nelbo !== undefined).map(({ step, bits_per_byte }) => [step, bits_per_byte]) })),
    lines: [
      { label: 'unigram', y: tokens[0].bits_per_byte },
      { label: 'Kneser–Ney 5-gram', y: tokens.at(-1).bits_per_byte },
    ],
  }),
);
console.log('docs/recipe.svg, bench/results/recipe.json');
