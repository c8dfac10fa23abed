import { setTimeout as wait } from 'node:timers/promises';
import { basename, join } from 'node:path';
import { addConfigFlags, interruptible, layersOf, openInBrowser, port, reporterFor, settingsOf, type ConfigFlags } from '@mdiff/cli';
import { loadProject } from '@mdiff/config';
import { isLocked } from '@mdiff/folder/node';
import { preparingPage, runPage } from '@mdiff/report';
import type { Activity, MetricLine, Reporter, RunOverview } from '@mdiff/train';
import type { Command } from 'commander';
import { readPageRecord } from './reports.js';
import { duration } from './runrecord.js';
import { refreshing, servePage } from './watchpage.js';

interface WatchFlags extends ConfigFlags {
  json?: boolean;
  open?: boolean;
  port?: number;
}

/** ms between two looks at the files of a run */
const EVERY = 1000;

type State = 'training' | 'finished' | 'stopped';

/** A run that is recorded as training may have been killed: then nobody holds its lock. */
async function stateOf({ folder, run }: Pick<RunOverview, 'folder' | 'run'>): Promise<State> {
  if (await isLocked(folder)) return 'training';
  return run.record?.state === 'finished' ? 'finished' : 'stopped';
}

/** Shows a metric line as the run itself does. `seconds`: of a step, if it is known. */
function show(line: MetricLine, { steps, left, reporter }: { steps: number; left: number | undefined; reporter: Reporter }): void {
  const { step, stage, objective, loss, causal_loss, lr, tokens_per_s, nelbo, bits_per_byte, causal_bits_per_byte } = line;
  reporter.step(
    {
      ...{ step, steps, stage, objective, loss, lr, tokens_per_s },
      ...(causal_loss !== undefined && { causal_loss }),
      ...(nelbo !== undefined && { nelbo }),
      ...(bits_per_byte !== undefined && { bits_per_byte }),
      ...(causal_bits_per_byte !== undefined && { causal_bits_per_byte }),
      ...(left !== undefined && { left }),
    },
    true,
  );
}

const END: Record<State, (run: RunOverview) => string> = {
  training: () => '',
  finished: ({ run: { record }, evaluated }) =>
    `finished: ${record!.step} steps in ${duration(record!.seconds)}${evaluated ? `; held out ${evaluated.bitsPerByte.toFixed(3)} bits/byte` : ''}`,
  stopped: ({ folder, run }) =>
    `no process trains this run: it stopped at step ${run.step}${run.record ? ` of ${run.record.steps}` : ''}; go on with: npx mdiff train --resume ${folder}`,
};

/** Seconds until the run ends, by its own estimate. */
const secondsUntil = (ends: string | undefined): number | undefined =>
  ends === undefined ? undefined : Math.max(0, (Date.parse(ends) - Date.now()) / 1000);

/** `tokenizing: BPE, 4096 tokens`; with the share that is done, if it is known */
function describeActivity({ phase, detail, progress }: Activity): string {
  const share = progress ? `, ${progress.what} ${Math.floor((100 * progress.done) / Math.max(1, progress.total))} %` : '';
  return `${phase}${detail === undefined ? '' : `: ${detail}`}${share}`;
}

/** Shows what a run does beside its steps: a new phase as a line, and how far it is. */
function activityShown(reporter: Reporter): (activity: Activity | undefined) => void {
  let shown = '';
  return (activity) => {
    if (!activity) return;
    const { phase, detail, progress } = activity;
    const now = JSON.stringify([phase, detail]);
    if (now !== shown && phase !== 'starting') reporter.phase(phase, detail);
    shown = now;
    if (progress) reporter.progress(progress.what, progress.done, progress.total);
  };
}

/** Shows a run from its preparation on, until no process works in its folder. @returns what it came to, in one line */
export async function follow(folder: string, reporter: Reporter, signal: AbortSignal, every = EVERY): Promise<string> {
  const { activityOf, overviewAt, readMetrics } = await import('@mdiff/train');
  const showActivity = activityShown(reporter);
  let [shown, begun] = [0, false];
  for (;;) {
    // The state is read first: a run that ends meanwhile has written its last line before.
    const activity = await activityOf(folder);
    const run = await overviewAt(folder).catch((error: unknown) => {
      if ((error as { code?: string }).code === 'MDIFF_RUN') return undefined;
      throw error;
    });
    showActivity(activity);
    if (run) {
      const state = activity ? 'training' : await stateOf(run);
      const all = await readMetrics(join(folder, 'metrics.jsonl'));
      const lines = all.filter(({ step }) => step > shown);
      if (!begun && run.run.fingerprint) {
        begun = true;
        const before = all.slice(0, -1).map(({ loss }) => loss);
        reporter.begin?.({ stages: run.run.fingerprint.plan.stages, losses: before });
      }
      // Of the lines before this command began, the last one is enough.
      for (const line of shown === 0 ? lines.slice(-1) : lines)
        show(line, { steps: run.run.record?.steps ?? line.step, left: secondsUntil(activity?.ends), reporter });
      shown = lines.at(-1)?.step ?? shown;
      if (state !== 'training') {
        reporter.end();
        return END[state](run);
      }
    } else if (!activity) {
      reporter.end();
      return `no process prepares this run any more, and it has no step: ${folder}`;
    }
    await wait(every, undefined, { signal });
  }
}

/** The folder that a command means: of a run, or of one that is still being prepared. @throws as `overviewNamed` and `newestRun` do */
export async function watchedFolder(name: string | undefined, outputDir: string): Promise<string> {
  const { activeRuns, activityOf, newestRun, overviewNamed } = await import('@mdiff/train');
  if (name === undefined) return (await activeRuns(outputDir))[0] ?? (await newestRun(outputDir)).folder;
  for (const folder of [name, join(outputDir, name)]) if (await activityOf(folder)) return folder;
  return (await overviewNamed(name, outputDir)).folder;
}

/** The page of a run as it stands now. */
export async function currentPage(folder: string): Promise<string> {
  const { activityOf, overviewAt } = await import('@mdiff/train');
  const activity = await activityOf(folder);
  try {
    const record = await readPageRecord(folder, activity ? 'training' : await stateOf(await overviewAt(folder)));
    const left = secondsUntil(activity?.ends);
    return runPage(left === undefined ? record : { ...record, left: duration(left) }, refreshing);
  } catch (error) {
    if (!activity) throw error;
    return preparingPage({ name: basename(folder), activity: describeActivity(activity) }, refreshing);
  }
}

async function runWatch(name: string | undefined, flags: WatchFlags): Promise<void> {
  const { output_dir } = loadProject({ ...layersOf(flags), set: settingsOf(flags.set, []) }).config;
  const folder = await watchedFolder(name, output_dir);
  const reporter = reporterFor(flags.json ? 'json' : 'auto', process.stdout);
  reporter.phase('watching', folder);
  const serves = flags.open === true || flags.port !== undefined;
  const page = serves ? await servePage(flags.port ?? 0, () => currentPage(folder)) : undefined;
  if (page) reporter.note(`the page of this run: ${page.url} (Ctrl-C stops; the run goes on)`);
  if (page && flags.open && !(await openInBrowser(page.url))) reporter.note(`no browser could be started here; open ${page.url} yourself`);
  try {
    await interruptible(
      async (signal) => {
        reporter.note(await follow(folder, reporter, signal));
        // The page stays readable after the run.
        if (page) await wait(2 ** 31 - 1, undefined, { signal });
      },
      { stopped: '' },
    );
  } finally {
    page?.close();
  }
}

/** `mdiff watch [run]`: reads the files of a run as they grow. */
export function addWatch(root: Command): void {
  addConfigFlags(root.command('watch').description('follow a run from another terminal, or in a browser'))
    .argument('[run]', 'name or folder of the run; without it the newest in output_dir')
    .option('--json', 'print JSON lines, as a training with log_format json does')
    .option('--open', 'show the run as a page in a browser')
    .option('--port <number>', 'serve that page at this port of 127.0.0.1 (0 = any free one)', port)
    .action(runWatch);
}
