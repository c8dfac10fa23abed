// `npm start`: installs if needed, fine-tunes the base model on Moby-Dick (or continues that run), then writes with it.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { launch } from '../packages/cli/src/launch.js';
import { bootstrap } from './bootstrap.mjs';
import { execute, isMain, root, sourceFlags } from './workspace.mjs';

const recipe = 'runs/quickstart.yaml';
/** Runs the command in a child that gets each signal exactly once, whether a terminal or a supervisor sends it (packages/cli/src/signals.js says how). */
const mdiff = (...args) =>
  launch(
    process.execPath,
    ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx'), join(root, 'apps/mdiff/src/main.ts'), ...args],
    {
      ...process.env,
      ORT_DISABLE_TELEMETRY: process.env.ORT_DISABLE_TELEMETRY ?? '1',
    },
  );
const interrupted = 130;

/** Decides what to do with a run folder: `fresh`, `train`, `resume` or `generate`. Pure, so that it can be tested. */
export function decide({ fresh, state, hasModel }) {
  if (fresh) return 'fresh';
  if (state === undefined) return 'train';
  return state === 'finished' && hasModel ? 'generate' : 'resume';
}

/** Reads `run.json`; undefined only when there is none. A damaged record is an error: the run's checkpoints may be whole. */
export function readState(folder) {
  const path = join(folder, 'run.json');
  try {
    const run = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof run?.state === 'string') return run;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    if (error.code !== undefined)
      throw new Error(
        `${path}: cannot read the record of this run (${error.code}); make it readable, or start over with \`npm start -- --fresh\``,
      );
  }
  throw new Error(
    `${path}: the record of this run is damaged; nothing was changed; delete this file and run \`npm start\` again to go on from the newest checkpoint, ` +
      "or start over with `npm start -- --fresh`, which deletes the run's checkpoints",
  );
}

/** True if a run without a record left checkpoints. */
function hasCheckpoints(folder) {
  try {
    return readdirSync(join(folder, 'checkpoints')).some((name) => /^step-\d{8}$/.test(name));
  } catch {
    return false;
  }
}

async function runFolder() {
  const { code, text } = await execute(process.execPath, [...sourceFlags(), join(root, 'tools/locate.mjs'), join(root, recipe)], {
    output: 'keep',
  });
  if (code !== 0) throw new Error(text.trim());
  return text.trim();
}

async function train(choice) {
  const flags = { fresh: ['--fresh'], resume: ['--resume'], train: [] }[choice];
  const code = await mdiff('train', '--config', recipe, ...flags);
  if (code === interrupted) console.log('\nStopped and saved. `npm start` continues from here; `npm start -- --fresh` starts over.');
  return code;
}

// Beginnings and gapped sentences for Moby-Dick; none is in the book. A gap gets as many tokens as read best.
const beginnings = ['The captain said that', 'At last the whale', 'In the morning the crew'];
const gapped = [
  'The captain stood upon the ___ and looked out over the ___.',
  'All night long the men ___, and in the morning they saw a ship upon the ___.',
  'He took the ___ in his hand and threw it into the sea.',
];

// From left to right a text reads as well as with the preset's sampler and takes a quarter of the processor time; the damping keeps a young model from
// saying one thing over and over (docs/log/2026-11-30-continuing-left-to-right.md).
const leftToRight = ['--sampler', 'causal', '--temperature', '0.7', '--set', 'generation.repetition_penalty=1.5'];

/** Runs commands of the model one after the other. @returns the first exit code that is not 0 */
async function show(folder) {
  const model = relative(root, join(folder, 'model'));
  const commands = [
    ...beginnings.map((prompt) => [
      `Continuing: ${prompt} …`,
      ['generate', model, '--prompt', prompt, ...leftToRight, '--max-tokens', '64', '--whole', '--seed', '1'],
    ]),
    ...gapped.map((text) => [`Infilling: ${text}`, ['infill', model, text, '--temperature', '0.5', '--seed', '1']]),
  ];
  for (const [title, command] of commands) {
    console.log(`\n${title}`);
    const code = await mdiff(...command);
    if (code !== 0) return code;
  }
  console.log(
    [
      '',
      'Next steps:',
      `  npx mdiff generate ${model} --prompt "Call me"     continue a text of yours`,
      `  npx mdiff serve ${model} --open                   write with it in your browser; answers POST /v1/completions too`,
      '  npx mdiff train your-book.txt                     the same on a text of yours',
    ].join('\n'),
  );
  return 0;
}

async function main(args) {
  const unknown = args.filter((arg) => arg !== '--fresh');
  if (unknown.length > 0) {
    console.error(
      `npm start: unknown option "${unknown[0]}"; the only one is --fresh (npm start -- --fresh). Other settings: npx mdiff train --help`,
    );
    return 2;
  }
  // The terminal sends Ctrl-C to the child as well. The child saves and ends; this process then takes its exit code.
  process.on('SIGINT', () => {});
  await bootstrap();
  const folder = await runFolder();
  const shown = relative(root, folder);
  const fresh = args.includes('--fresh');
  const run = fresh ? undefined : (readState(folder) ?? (hasCheckpoints(folder) ? { state: 'training' } : undefined));
  const choice = decide({ fresh, state: run?.state, hasModel: existsSync(join(folder, 'model', 'manifest.json')) });
  if (choice === 'generate') {
    console.log(`The run in ${shown} is finished (${run.step} steps): no training needed. \`npm start -- --fresh\` starts over.`);
  } else {
    if (choice === 'resume')
      console.log(`Continuing the unfinished run in ${shown}${run?.step === undefined ? '' : ` (step ${run.step} of ${run.steps})`}.`);
    const code = await train(choice);
    if (code !== 0) return code;
  }
  return show(folder);
}

if (isMain(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
