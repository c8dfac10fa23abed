import { addConfigFlags, layersOf, print, settingsOf, table, type ConfigFlags } from '@mdiff/cli';
import { loadProject } from '@mdiff/config';
import type { RunOverview } from '@mdiff/train';
import type { Command } from 'commander';
import { inShell } from './next.js';

interface RunsFlags extends ConfigFlags {
  json?: boolean;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const duration = (seconds: number): string => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`);
const day = (time: string): string => `${time.slice(0, 16).replace('T', ' ')} UTC`;

const outputDir = (flags: ConfigFlags): string => loadProject({ ...layersOf(flags), set: settingsOf(flags.set, []) }).config.output_dir;

/** The train library loads TensorFlow.js: only a command that runs pays for it. */
const library = () => import('@mdiff/train');

const stateOf = ({ run: { record, step } }: RunOverview): string => {
  if (!record) return `no record, checkpoint at step ${step}`;
  return record.state === 'finished' ? `finished at step ${step}` : `stopped or training, step ${step} of ${record.steps}`;
};

const figureOf = ({ evaluated }: RunOverview): string => (evaluated ? `${evaluated.bitsPerByte.toFixed(3)} bits/byte` : 'not evaluated');

/** A run as programs read it. */
const plain = ({ name, folder, run, evaluated, model, bytes }: RunOverview): object => ({
  name,
  folder,
  state: run.record?.state ?? 'unknown',
  step: run.step,
  ...(run.record && { steps: run.record.steps, updated: run.record.updated }),
  ...(run.fingerprint && { text: run.fingerprint.text.title }),
  ...(evaluated && { bits_per_byte: evaluated.bitsPerByte, evaluated_at: evaluated.step }),
  ...(model !== undefined && { model }),
  bytes,
});

async function list(flags: RunsFlags): Promise<void> {
  const { overviews } = await library();
  const folder = outputDir(flags);
  const runs = await overviews(folder, ({ message }) => process.stderr.write(`${message}\n`));
  if (flags.json) return print(`${JSON.stringify(runs.map(plain))}\n`);
  if (runs.length === 0) return print(`${folder}: no runs; npx mdiff train <book> starts one\n`);
  print(table(runs.map((run) => [run.name, run.run.fingerprint?.text.title ?? '', stateOf(run), figureOf(run), megabytes(run.bytes)])));
}

async function show(name: string, flags: RunsFlags): Promise<void> {
  const { describeTime, overviewNamed } = await library();
  const overview = await overviewNamed(name, outputDir(flags));
  const { folder, run, evaluated, model, bytes } = overview;
  const { record, fingerprint } = run;
  if (flags.json) return print(`${JSON.stringify({ ...plain(overview), ...(record && { record }) })}\n`);
  const rows: (string | undefined)[][] = [
    ['folder', `${folder}, ${megabytes(bytes)}`],
    ['state', `${stateOf(overview)}${record?.left_out ? `; early stopping left ${record.left_out} steps out` : ''}`],
    ['text', fingerprint && `${fingerprint.text.title} (${fingerprint.text.source}), ${fingerprint.text.bytes.toLocaleString('en')} bytes`],
    ['started from', record?.base ? record.base.name : record && 'random weights'],
    ['stages', fingerprint?.plan.stages.map(({ name: stage, steps }) => `${stage} ${steps}`).join(', ')],
    ['seed', fingerprint && String(fingerprint.seed)],
    ['held out', evaluated && `${figureOf(overview)} after step ${evaluated.step}`],
    ['time', record && `${duration(record.seconds)}, last written ${day(record.updated)}`],
    ['time spent on', describeTime(record?.spent)],
    ['engine', record && `${record.engine} on ${record.device}, ${record.threads} threads, ${record.precision}`],
    ['model', model],
  ];
  print(table(rows.filter((row): row is string[] => row[1] !== undefined)));
  const next = model === undefined ? `npx mdiff train --resume ${inShell(folder)}` : `npx mdiff generate ${inShell(model)}`;
  print(`next: ${next}\n`);
}

/** What two runs were asked to do differently, and what came of each. */
async function diff(names: readonly string[], flags: RunsFlags): Promise<void> {
  const { overviewNamed } = await library();
  const [a, b] = await Promise.all(names.map((name) => overviewNamed(name, outputDir(flags))));
  const facts = ({ run: { fingerprint, record } }: RunOverview): Record<string, unknown> => ({
    text: fingerprint?.text.title,
    'text sha256': fingerprint?.text.sha256,
    'tokenizer sha256': fingerprint?.tokenizer.sha256,
    base: record?.base?.sha256,
    ...fingerprint?.config,
  });
  const [left, right] = [facts(a!), facts(b!)];
  const differences = Object.keys({ ...left, ...right })
    .filter((key) => key !== 'experiment_name' && JSON.stringify(left[key]) !== JSON.stringify(right[key]))
    .map((key) => ({ key, a: left[key] ?? null, b: right[key] ?? null }));
  if (flags.json) return print(`${JSON.stringify({ a: plain(a!), b: plain(b!), differences })}\n`);
  const value = (one: unknown): string => {
    const text = typeof one === 'string' ? one : JSON.stringify(one);
    return text.length > 40 ? `${text.slice(0, 39)}…` : text;
  };
  print(
    table([
      ['', a!.name, b!.name],
      ['held out', figureOf(a!), figureOf(b!)],
      ['state', stateOf(a!), stateOf(b!)],
      ...differences.map(({ key, a: one, b: other }) => [key, value(one), value(other)]),
    ]),
  );
}

async function clean(name: string | undefined, flags: RunsFlags & { yes?: boolean }): Promise<void> {
  const { leftoverOf, overviewNamed, overviews, removeLeftover } = await library();
  const folder = outputDir(flags);
  const warn = ({ message }: Error): void => void process.stderr.write(`${message}\n`);
  const runs = name === undefined ? await overviews(folder, warn) : [await overviewNamed(name, folder)];
  const found = (await Promise.all(runs.map(async (run) => ({ run, leftover: await leftoverOf(run) })))).flatMap(({ run, leftover }) =>
    leftover ? [{ run, leftover }] : [],
  );
  if (flags.yes) for (const { run, leftover } of found) await removeLeftover(run, leftover);
  if (flags.json) return print(`${JSON.stringify({ removed: flags.yes === true, leftovers: found.map(({ leftover }) => leftover) })}\n`);
  if (found.length === 0) return print('nothing to remove: only checkpoints of finished runs with a model are removed\n');
  print(table(found.map(({ leftover }) => [flags.yes ? 'removed' : 'would remove', leftover.path, megabytes(leftover.bytes)])));
  if (!flags.yes) print('nothing was removed; add --yes to remove these checkpoints, which only more steps of these runs would need\n');
}

/** `mdiff runs`: what lies in `output_dir`. */
export function addRuns(root: Command): void {
  const runs = root.command('runs').description('list, show and compare the runs in output_dir, and remove what they no longer need');
  const add = (name: string, description: string): Command =>
    addConfigFlags(runs.command(name).description(description), { only: 'output_dir' }).option('--json', 'print JSON');
  add('list', 'one line a run: text, state, held-out bits/byte, size').action(list);
  add('show', 'what is recorded of a run').argument('<run>', 'folder or name of a run').action(show);
  add('diff', 'the keys in which two runs differ, with their figures')
    .argument('<run>', 'folder or name of a run')
    .argument('<other>', 'folder or name of another')
    .action((a: string, b: string, flags: RunsFlags) => diff([a, b], flags));
  add('clean', 'remove the checkpoints of finished runs whose model is exported; without --yes it only lists them')
    .argument('[run]', 'folder or name of a run (default: every run)')
    .option('--yes', 'remove them')
    .action(clean);
}
