// The memory that a run is estimated to take, against what it takes: short trainings of the compiled command on Moby-Dick, two steps each.
//   node checks/memory/suite.mjs <scratch folder> [shape …]
// By hand, after `npx tsc -b`: all six shapes are three minutes of processor time. Prints `N passed, N failed`.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execute, root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';

/** Share of the measured peak by which the estimate may be off. */
const BOUND = 0.15;

const FOUR = { 'model.vocab_size': 4096, 'training.batch_size': 16 };
const SHAPES = {
  nano: { ...FOUR, 'model.d_model': 128, 'model.d_ff': 344 },
  four: FOUR,
  base: { ...FOUR, 'model.n_layers': 7, 'model.max_seq_len': 256, 'model.vocab_size': 16384 },
  large: {
    ...FOUR,
    'model.d_model': 512,
    'model.n_layers': 7,
    'model.n_heads': 8,
    'model.d_ff': 1376,
    'training.batch_size': 8,
  },
  deep: { ...FOUR, 'model.n_layers': 12, 'training.batch_size': 32 },
  wide: { ...FOUR, 'model.d_model': 768, 'model.n_layers': 3, 'model.n_heads': 12, 'model.d_ff': 2048 },
};

const { check, step, end } = counter();
const [scratch, ...asked] = process.argv.slice(2);
if (scratch === undefined) throw new Error('usage: node checks/memory/suite.mjs <scratch folder> [shape …]');
mkdirSync(scratch, { recursive: true });

/** Trains two steps. */
function train(name, settings) {
  const all = {
    experiment_name: name,
    engine: 'onnxruntime',
    device: 'cpu',
    'hardware.cpu_threads': 2,
    reports: '[]',
    'training.max_steps': 2,
    'training.eval_max_tokens': 2048,
    ...settings,
  };
  const flags = Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const command = [
    join(root, 'apps/mdiff/dist/main.js'),
    'train',
    'builtin:moby-dick',
    '--preset',
    'quickstart_scratch',
    '--no-sample',
    '--fresh',
  ];
  return execute(process.execPath, [...command, ...flags], { cwd: scratch, output: 'none' });
}

const MEMORY = /memory: estimated ([\d.]+) GB, measured peak ([\d.]+) GB/;
const names = asked.length > 0 ? asked : Object.keys(SHAPES);
for (const name of names.filter((one) => !(one in SHAPES))) check(name, `expected one of ${Object.keys(SHAPES).join(', ')}`);

for (const name of names.filter((one) => one in SHAPES)) {
  await step(`${name}: the estimate is within ${100 * BOUND} % of the measured peak`, async () => {
    const { code, text } = await train(name, SHAPES[name]);
    const [, estimated, measured] = MEMORY.exec(text) ?? [];
    if (code !== 0 || measured === undefined) return `exit code ${code}\n${text}`;
    const off = estimated / measured - 1;
    console.log(`${name}: estimated ${estimated} GB, measured ${measured} GB: ${(100 * off).toFixed(0)} %`);
    return Math.abs(off) > BOUND ? `off by ${(100 * off).toFixed(1)} %` : '';
  });
}

await step('a batch that cannot fit is refused before the run starts, with the largest that does, which stays in its budget', async () => {
  const budget = { ...SHAPES.nano, 'hardware.max_vram_gb': 1 };
  const refused = await train('refused', { ...budget, 'training.batch_size': 4096 });
  const largest = Number(/the largest batch that fits is (\d+)/.exec(refused.text)?.[1]);
  if (refused.code !== 2 || !(largest > 0)) return `exit code ${refused.code}, largest ${largest}\n${refused.text}`;
  if (existsSync(join(scratch, 'outputs/refused'))) return 'a folder of the refused run was left';
  const over = await train('over', { ...budget, 'training.batch_size': largest + 1 });
  if (over.code !== 2) return `${largest + 1} rows, one more than ${largest}, ended with code ${over.code}`;
  const fits = await train('fits', { ...budget, 'training.batch_size': largest });
  const measured = Number(MEMORY.exec(fits.text)?.[2]);
  if (fits.code !== 0) return `${largest} rows ended with code ${fits.code}\n${fits.text}`;
  console.log(`largest batch in 1 GB: ${largest} rows, measured peak ${measured} GB`);
  return measured > 1 ? `${largest} rows took ${measured} GB of 1 GB` : '';
});

end();
