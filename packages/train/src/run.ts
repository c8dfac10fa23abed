import { join } from 'node:path';
import { ConfigError, fitBatch, formatIssue, isSetIn, startup } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { describeSetting, runStepTrial, selectSetting } from '@mdiff/engine';
import type { EngineSetting, MemoryFactors } from '@mdiff/engine';
import { closing, MdiffError } from '@mdiff/folder';
import { withActivity } from './activity.js';
import { asideOf, dropAside, hasAside, putAside, settleAside } from './aside.js';
import { withBase } from './base.js';
import { begin, checkpointFiles } from './begin.js';
import type { Progress } from './checkpoint.js';
import { extrasOf } from './extras.js';
import { finish, finishedBefore } from './finish.js';
import { openLoader } from './loader.js';
import { stopIfLost, underLock } from './lock.js';
import { runLoop } from './loop.js';
import type { LoopResult } from './loopstate.js';
import { open, recordRun } from './open.js';
import type { Locked, Run } from './open.js';
import type { TrainOptions, TrainResult } from './options.js';
import { findRun } from './record.js';
import type { EarlierRun } from './record.js';
import { movesEnd, resumedConfig } from './resume.js';
import { describeRows } from './rows.js';
import { readMetrics } from './metrics.js';
import { describeRun, named, runFolder } from './runs.js';

/**
 * Trains, evaluates and exports one run in `output_dir/experiment_name`, by default under the name of its text. A resumed run keeps the configuration
 * that it began with, except for what a resumed run may change.
 */
export async function train(asked: ProjectConfig, options: TrainOptions): Promise<TrainResult> {
  const started = performance.now();
  const unshaped = named(asked);
  const folder = options.folder ?? runFolder(unshaped);
  if (await hasAside(folder)) await underLock(folder, options, () => settle(folder, options));
  if (options.mode === 'resume') return resume(asked, options, { folder, started });
  if (options.mode === 'new') await refuseEarlier(folder, unshaped);
  const { config, base } = await withBase(unshaped, folder, false);
  const adapted = await adapt(config, options);
  if (options.mode === 'fresh' && !(await mayReplace(folder, options)))
    throw new MdiffError('MDIFF_STOPPED', `${folder}: nothing was changed`);
  if (!isSetIn(asked, 'experiment_name'))
    options.reporter.note(`this run is named "${config.experiment_name}" after its text; --set experiment_name=… names it otherwise`);
  return underLock(folder, options, (locked) =>
    start({ ...adapted, asked: config, options: locked, folder, earlier: undefined, base, changes: [], started }),
  );
}

/** Selects the engine, by a trial where the configuration leaves a choice, and adapts the configuration to the memory of the machine. */
async function adapt(
  config: ProjectConfig,
  { fit, warn, reporter, signal, lead, threads = lead?.threads }: TrainOptions,
  recorded?: Partial<EngineSetting>,
): Promise<Pick<Locked, 'config' | 'selection'>> {
  // Ranks of one machine share its processors.
  const shared = threads && config.hardware.cpu_threads === 0 ? config.with({ hardware: { cpu_threads: threads } }) : config;
  const selection = await selectSetting(shared, {
    recorded,
    measure: (trial) => {
      reporter.phase('engine', `timing a training step on ${describeSetting(trial.setting)}`);
      return runStepTrial(trial, { signal });
    },
  });
  const adapted = fitted(config, selection.memory, fit === true);
  if (fit && adapted === config) warn(formatIssue(startup.nothingToFit(config, selection.memory)));
  for (const issue of selection.notices) warn(formatIssue(issue));
  return { config: adapted, selection };
}

/** Refuses a run that does not fit its memory budget (S6); with `fit`, splits its batch instead. */
function fitted(config: ProjectConfig, memory: MemoryFactors, fit: boolean): ProjectConfig {
  const tooLarge = startup.batchTooLarge(config, memory);
  if (!tooLarge) return config;
  const { batch_size, gradient_accumulation_steps } = fitBatch(config, memory);
  if (!fit || batch_size === 0) throw new ConfigError([tooLarge]);
  return config.with({ training: { batch_size, gradient_accumulation_steps } });
}

/** Refuses a folder that holds a run, and says what that run is. */
async function refuseEarlier(folder: string, config: ProjectConfig): Promise<void> {
  const earlier = await findRun(folder);
  if (!earlier) return;
  const { fingerprint, record } = earlier;
  const otherText = fingerprint !== undefined && fingerprint.text.source !== config.data.source;
  const goOn = record?.state === 'finished' ? 'add --resume with more training.max_steps to train it further' : 'add --resume to go on';
  const remedy = otherText
    ? `this command trains ${config.data.source}: name its run with --set experiment_name=…; if the text is the same, ${goOn}, or --fresh to start over`
    : `${goOn}, or --fresh to start over`;
  throw new MdiffError('MDIFF_EXISTS', `${folder}: this folder holds an earlier run ${describeRun(earlier)}; ${remedy}`, 2);
}

async function resume(
  asked: ProjectConfig,
  options: TrainOptions,
  { folder, started }: { folder: string; started: number },
): Promise<TrainResult> {
  const { reporter } = options;
  const earlier = await findRun(folder);
  if (!earlier) throw new MdiffError('MDIFF_EXISTS', `${folder}: there is no run to resume; leave --resume out to start one`, 2);
  const { config, changes } = await resumedConfig(asked, folder, earlier);
  const finished = await finishedBefore(folder, earlier);
  if (finished && !changes.some(movesEnd)) {
    const idle = changes.length === 0 ? '' : `; ${changes.map(({ key }) => key).join(', ')} had no effect`;
    reporter.note(
      `this run is finished: ${finished.step} of ${finished.steps} steps, model in ${finished.model}; nothing was changed${idle}`,
    );
    return finished;
  }
  const { config: shaped, base } = await withBase(config, folder, true);
  const adapted = await adapt(shaped, options, earlier.record);
  return underLock(folder, options, (locked) =>
    start({ ...adapted, asked: shaped, options: locked, folder, earlier, base, changes, started }),
  );
}

/** Asks before an earlier run is replaced. A record that is damaged does not stop the question. */
async function mayReplace(folder: string, { confirm }: TrainOptions): Promise<boolean> {
  if (!confirm) return true;
  const earlier = await findRun(folder).catch((): EarlierRun => ({ step: 0 }));
  return earlier === undefined || confirm(`${folder} holds an earlier run ${describeRun(earlier)}`);
}

/** Puts the earlier run back if a start with `fresh` was cut short. @returns whether it is back */
async function settle(folder: string, { reporter }: TrainOptions): Promise<boolean> {
  const back = await settleAside(folder);
  if (back) reporter.note(`${folder}: the new run has no checkpoint yet, so the earlier run is back`);
  return back;
}

/** Trains in a locked folder. If a fresh run fails or is stopped before its first checkpoint, the earlier run comes back. */
async function start(locked: Locked): Promise<TrainResult> {
  const { reporter, close } = withActivity(locked.options.reporter, locked.folder);
  try {
    return await startHere({ ...locked, options: { ...locked.options, reporter } });
  } finally {
    close();
  }
}

async function startHere(locked: Locked): Promise<TrainResult> {
  const { options, folder } = locked;
  if (options.mode === 'fresh' && (await putAside(folder)))
    options.reporter.note(`the earlier run is kept in ${asideOf(folder)} until the new run has its first checkpoint`);
  let result: TrainResult;
  try {
    result = await trainLocked(locked);
    stopIfLost(options.signal);
  } catch (error) {
    stopIfLost(options.signal);
    await settle(folder, options).catch(() => undefined); // the next start settles it; the first error is the one to show
    throw error;
  }
  return (await settle(folder, options)) ? { ...result, putBack: true } : result;
}

async function trainLocked(locked: Locked): Promise<TrainResult> {
  const run = await open(locked);
  return closing(run.engine, async () => {
    const before = locked.earlier && (await finishedBefore(locked.folder, locked.earlier));
    if (before && run.stages.steps === before.steps) return before; // the end was moved to where it was
    const { progress, restored } = await begin(run);
    announce(run);
    const losses = restored ? (await readMetrics(join(run.folder, 'metrics.jsonl'))).map(({ loss }) => loss) : [];
    locked.options.reporter.begin?.({ stages: run.stages.list, losses });
    const result = await loop(run, progress, restored);
    return finish(run, result);
  });
}

/** Says that the training begins. */
function announce({ config, engine, stages, prepared, options: { reporter } }: Run): void {
  const rows = prepared.rowsPerStage.map(
    (count, i) => `${count} rows of ${config.model.max_seq_len} (${(100 * prepared.padded[i]!).toFixed(1)}% padding)`,
  );
  const workers = config.training.dataloader_num_workers;
  const threads = workers > 0 ? `; ${workers} worker ${workers === 1 ? 'thread prepares' : 'threads prepare'} batches` : '';
  reporter.phase(
    'training',
    `${engine.layout.total.toLocaleString('en-US')} parameters, ${stages.steps} steps, ${rows.join(', ')}${threads}`,
  );
}

function loop(run: Run, progress: Progress, restored: boolean): Promise<LoopResult> {
  const { config, engine, stages, prepared, folder, options } = run;
  const { reporter, signal } = options;
  const loader = openLoader(config, stages);
  const extra = checkpointFiles(run);
  options.lead?.watch(true);
  return closing(loader, () =>
    runLoop({
      config,
      engine,
      stages,
      heldOut: prepared.heldOut,
      folder,
      extra,
      progress,
      seconds: run.seconds,
      restored,
      reporter,
      signal,
      loader,
      rowsOf: (step) => describeRows(stages.batchesAt(step), prepared.tokenizer),
      warn: options.warn,
      ...extrasOf(run, extra),
      ...(options.onMetric && { onMetric: options.onMetric }),
      onSaved: async (now) => {
        await recordRun(run, now, 'training');
        if (now.step > 0) await dropAside(folder);
      },
    }).finally(() => options.lead?.watch(false)),
  );
}
