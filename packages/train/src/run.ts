import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, fitBatch, formatIssue, startup } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import { selectSetting } from '@mdiff/engine';
import type { MemoryFactors } from '@mdiff/engine';
import { MdiffError, places } from '@mdiff/folder';
import { lockFolder } from '@mdiff/folder/node';
import { withBase } from './base.js';
import { begin, checkpointFiles } from './begin.js';
import type { Progress } from './checkpoint.js';
import { finish } from './finish.js';
import { runLoop } from './loop.js';
import type { LoopResult } from './loop.js';
import { open, recordRun } from './open.js';
import type { Locked, Run } from './open.js';
import type { TrainOptions, TrainResult } from './options.js';
import { findRun } from './record.js';
import type { EarlierRun } from './record.js';

/** Trains, evaluates and exports one run in `output_dir/experiment_name`. */
export async function train(given: ProjectConfig, options: TrainOptions): Promise<TrainResult> {
  const { mode, warn } = options;
  const folder = join(given.output_dir, given.experiment_name);
  const earlier = mode === 'fresh' ? undefined : await earlierRun(folder, mode);
  const { config: asked, base } = await withBase(given, folder, mode === 'resume');
  const selection = selectSetting(asked);
  const config = fitted(asked, selection.memory, options.fit === true);
  for (const issue of selection.notices) warn(formatIssue(issue));
  const release = await lockFolder(folder, { place: places.output });
  try {
    if (mode === 'fresh') await removeRun(folder);
    return await trainLocked({ asked, config, selection, options, folder, earlier, base });
  } finally {
    await release();
  }
}

/** The run to resume; undefined for a new one. Refuses a folder that does not fit the mode. */
async function earlierRun(folder: string, mode: 'new' | 'resume'): Promise<EarlierRun | undefined> {
  const earlier = await findRun(folder);
  if (mode === 'new' && earlier) {
    const { record, step } = earlier;
    const position = record ? `step ${step} of ${record.steps} (${record.state})` : `step ${step}`;
    throw new MdiffError(
      'MDIFF_EXISTS',
      `${folder}: this folder holds an earlier run at ${position}; add --resume to go on, or --fresh to start over`,
      2,
    );
  }
  if (mode === 'resume' && !earlier)
    throw new MdiffError('MDIFF_EXISTS', `${folder}: there is no run to resume; leave --resume out to start one`, 2);
  return earlier;
}

async function removeRun(folder: string): Promise<void> {
  for (const name of ['run.json', 'metrics.jsonl', 'checkpoints', 'model', 'config.resolved.yaml', 'tokenizer.json', 'scoring.json']) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Refuses a run that does not fit its memory budget (S6); with `fit`, splits its batch instead. */
function fitted(config: ProjectConfig, memory: MemoryFactors, fit: boolean): ProjectConfig {
  const tooLarge = startup.batchTooLarge(config, memory);
  if (!tooLarge) return config;
  const { batch_size, gradient_accumulation_steps } = fitBatch(config, memory);
  if (!fit || batch_size === 0) throw new ConfigError([tooLarge]);
  return config.with({ training: { batch_size, gradient_accumulation_steps } });
}

async function trainLocked(locked: Locked): Promise<TrainResult> {
  const run = await open(locked);
  try {
    const { progress, restored } = await begin(run);
    const result = await loop(run, progress, restored);
    return await finish(run, result);
  } finally {
    await run.engine.close();
  }
}

function loop(run: Run, progress: Progress, restored: boolean): Promise<LoopResult> {
  const { config, engine, stages, prepared, folder, options } = run;
  const { reporter, signal } = options;
  const rows = prepared.rowsPerStage.map(
    (count, i) => `${count} rows of ${config.model.max_seq_len} (${(100 * prepared.padded[i]!).toFixed(1)}% padding)`,
  );
  reporter.phase('training', `${engine.layout.total.toLocaleString('en-US')} parameters, ${stages.steps} steps, ${rows.join(', ')}`);
  return runLoop({
    config,
    engine,
    stages,
    heldOut: prepared.heldOut,
    folder,
    extra: checkpointFiles(run),
    progress,
    restored,
    reporter,
    signal,
    onSaved: (now) => recordRun(run, now, 'training'),
  });
}
