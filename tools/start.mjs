// `npm start`: installs if needed, trains the quickstart run (or continues it), then prints samples of it.
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
  const code = await mdiff('train', '--config', recipe, '--no-sample', ...flags);
  if (code === interrupted) console.log('\nStopped and saved. `npm start` continues from here; `npm start -- --fresh` starts over.');
  return code;
}

async function show(folder) {
  const model = relative(root, join(folder, 'model'));
  for (const [index, seed] of [1, 2, 3].entries()) {
    console.log(`\nSample ${index + 1} of 3 (seed ${seed})`);
    const code = await mdiff('generate', model, '--seed', String(seed));
    if (code !== 0) return code;
  }
  // A gap is filled with exactly as many tokens as it states: a word or two read best.
  const gapped = 'The captain stood upon the ___:1 and looked out over the ___:2 of the sea.';
  console.log(`\nInfilling: ${gapped}`);
  const code = await mdiff('infill', model, gapped, '--seed', '1');
  if (code !== 0) return code;
  console.log(
    [
      '',
      'Next steps:',
      `  npx mdiff generate ${model} --prompt "Call me"     continue a text of yours`,
      `  npx mdiff serve ${model} --port 8000              answer POST /v1/completions on this machine`,
      '  npx mdiff train your-book.txt --preset quickstart --set experiment_name=your-book',
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
