import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, blendAt, dropoutAt, estimateMemory, fitBatch, formatIssue, isSetIn, learningRate, resolvedYaml, stageOfStep, stageSteps, startup, warmupSteps } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import { feed } from '@mdiff/curriculum';
import { latestCheckpoint } from './checkpoint.js';
import type { Progress } from './checkpoint.js';
import { computeOf, described, sameBits } from '@mdiff/engine';
import type { Compute, Using } from '@mdiff/engine';
import { prepare } from '@mdiff/prepare';
import type { Prepared } from '@mdiff/prepare';
import { engines } from '@mdiff/engine';
import type { Engine } from '@mdiff/engine';
import { MdiffError } from '@mdiff/folder';
import { evaluateNelbo } from './evaluate.js';
import { writeModelFolder } from './export.js';
import { writeFileWhole } from '@mdiff/folder/node';
import { lockRun } from '@mdiff/folder/node';
import { FINAL_LEVELS, runLoop } from './loop.js';
import type { Plan } from './loop.js';
import { peakBytes } from '@mdiff/engine';
import type { MemoryFactors } from '@mdiff/engine';
import { rewindMetrics } from './metrics.js';
import type { Reporter } from './reporter.js';

/** `run.json` in the run folder: what a later command needs to know about it, and what computed its latest steps. */
export interface RunRecord extends Using {
  format_version: 1;
  state: 'training' | 'finished';
  step: number;
  steps: number;
  seconds: number;
  updated: string;
}

export interface TrainOptions {
  /** new: the folder must not hold a run; resume: go on; fresh: remove what is there */
  mode: 'new' | 'resume' | 'fresh';
  reporter: Reporter;
  /** aborting saves after the running step */
  signal: AbortSignal;
  /** a batch that cannot fit the memory budget is split as the error suggests, instead of refused; the effective batch stays */
  fit?: boolean;
  /** one-time notices, in the form of configuration warnings */
  warn(text: string): void;
}

export interface TrainResult {
  finished: boolean;
  step: number;
  steps: number;
  folder: string;
  model?: string;
  nelbo?: { nelbo: number; se: number; bitsPerByte: number };
}

/** The stage plan of a prepared text, as functions of the step. */
export function planOf(config: ProjectConfig, { unitsPerStage, rowsPerStage }: Prepared): Plan {
  const { curriculum, training, model, seed } = config;
  const steps = stageSteps(config, rowsPerStage);
  const total = steps.reduce((sum, count) => sum + count, 0);
  const text = feed({
    steps,
    ownShare: (step) => blendAt(config, steps, step).weight,
    unitsPerStage,
    seed,
    batchSize: training.batch_size,
    accumulation: training.gradient_accumulation_steps,
    length: model.max_seq_len,
    shiftHead: model.shift_head,
  });
  return {
    steps: total,
    stages: curriculum.stages.map(({ name }, i) => ({ name, steps: steps[i]! })),
    causalSteps: Math.round(training.causal_fraction * total),
    at: (step) => {
      const { stage, local } = stageOfStep(steps, step);
      const rates = dropoutAt(config, step, total);
      return {
        stage: { index: stage, name: curriculum.stages[stage]!.name, first: step - local, steps: steps[stage]! },
        epoch: text.epochAt(step),
        range: blendAt(config, steps, step).range,
        lr: learningRate(config, steps, step),
        dropout: rates.dropout,
        attentionDropout: rates.attention_dropout,
      };
    },
    batches: (step) => text.batchesAt(step),
  };
}

const readRecord = (folder: string): Promise<RunRecord | undefined> =>
  readFile(join(folder, 'run.json'), 'utf8').then((text) => JSON.parse(text) as RunRecord, () => undefined);

/** Trains, evaluates and exports one run in `output_dir/experiment_name`. */
export async function train(asked: ProjectConfig, options: TrainOptions): Promise<TrainResult> {
  const { mode } = options;
  const folder = join(asked.output_dir, asked.experiment_name);
  const record = await readRecord(folder);
  if (mode === 'new' && record) {
    throw new MdiffError(
      'MDIFF_EXISTS',
      `${folder}: expected no earlier run, got one at step ${record.step} of ${record.steps} (${record.state}); add --resume to go on, or --fresh to start over`,
      2,
    );
  }
  if (mode === 'resume' && !record) {
    throw new MdiffError('MDIFF_EXISTS', `${folder}: expected a run to resume, got none; leave --resume out to start one`, 2);
  }
  const compute = computeOf(asked);
  const given = fitted(asked, compute.memory, options.fit === true);
  for (const issue of compute.notices) options.warn(formatIssue(issue));
  const release = await lockRun(folder);
  try {
    if (mode === 'fresh') {
      for (const name of ['run.json', 'metrics.jsonl', 'checkpoints', 'model', 'config.resolved.yaml', 'tokenizer.json', 'scoring.json']) await rm(join(folder, name), { recursive: true, force: true });
    }
    return await trainLocked(given, compute, options, folder, record);
  } finally {
    await release();
  }
}

/** What this run does differently from what the configuration says. */
function notices(config: ProjectConfig, asked: ProjectConfig, stages: readonly { name: string; steps: number }[]): Issue[] {
  const { training, model } = config;
  const issues: (Issue | undefined)[] = [
    model.vocab_size < asked.model.vocab_size ? startup.smallVocabulary(asked, model.vocab_size) : undefined,
    startup.noPinning(config),
    config.hardware.bytes_per_param === 2 ? startup.floatState(config) : undefined,
    ...stages.map(({ name, steps }) => {
      const used = warmupSteps(training, steps);
      return used < training.warmup_steps && isSetIn(config, 'training.warmup_steps') ? startup.warmupClamped(config, name, steps, used) : undefined;
    }),
  ];
  return issues.filter((issue) => issue !== undefined);
}

/** Refuses a run that cannot fit its memory budget (S6), or splits its batch. */
function fitted(config: ProjectConfig, memory: MemoryFactors, fit: boolean): ProjectConfig {
  const tooLarge = startup.batchTooLarge(config, memory);
  if (!tooLarge) return config;
  const { batch_size, gradient_accumulation_steps } = fitBatch(config, memory);
  if (!fit || batch_size === 0) throw new ConfigError([tooLarge]);
  return config.with({ training: { batch_size, gradient_accumulation_steps } });
}

async function trainLocked(given: ProjectConfig, compute: Compute, options: TrainOptions, folder: string, earlier: RunRecord | undefined): Promise<TrainResult> {
  const { reporter, mode } = options;
  const { using, memory, tensorflow } = compute;
  reporter.phase('engine', described(using));
  // Records of earlier releases name no engine.
  if (mode === 'resume' && earlier?.engine !== undefined && !sameBits(earlier, using)) {
    reporter.note(`until step ${earlier.step} this run was on ${described(earlier)}: what follows continues it up to rounding, not to the bit`);
  }
  await mkdir(folder, { recursive: true });
  const savedTokenizer = mode === 'resume' ? await readFile(join(folder, 'tokenizer.json'), 'utf8').catch(() => undefined) : undefined;
  const prepared = await prepare(given, reporter, savedTokenizer, options.signal);
  const { tokenizer, heldOut } = prepared;
  // The model gets exactly the tokenizer's rows, however many were asked for.
  const config = given.model.vocab_size === tokenizer.vocabSize ? given : given.with({ model: { vocab_size: tokenizer.vocabSize } });
  const { model } = config;
  const resolved = resolvedYaml(config, { tokenizer_size: tokenizer.vocabSize, engine: using.engine });
  const plan = planOf(config, prepared);
  for (const issue of [...prepared.notices, ...notices(config, given, plan.stages)]) options.warn(formatIssue(issue));

  reporter.phase('compiling', 'the training step');
  const { label_smoothing: labelSmoothing, use_gradient_checkpointing: checkpointing } = config.training;
  const engine = await engines[using.engine]!({
    model,
    threads: config.hardware.cpu_threads,
    labelSmoothing,
    checkpointing,
    seed: config.seed,
    device: using.device,
    mixedPrecision: using.precision === 'bfloat16',
    ...(tensorflow && { tensorflow }),
  });
  try {
    const tokenizerJson = `${JSON.stringify(tokenizer.toJson())}\n`;
    const run = join(folder, 'run.json');
    const write = (progress: Progress, state: RunRecord['state']): Promise<void> =>
      writeFileWhole(
        run,
        `${JSON.stringify({ format_version: 1, state, step: progress.step, steps: plan.steps, seconds: Math.round(progress.seconds), updated: new Date().toISOString(), ...using } satisfies RunRecord, null, 2)}\n`,
      );
    let progress: Progress = { step: 0, adam_step: 0, seed: config.seed, model: { ...model }, window: { loss: 0, updates: 0, skipped: 0 }, seconds: 0 };
    if (mode === 'resume') {
      progress = await restore(engine, folder, config, progress, options);
      await rewindMetrics(join(folder, 'metrics.jsonl'), progress.step);
    } else {
      await writeFileWhole(join(folder, 'tokenizer.json'), tokenizerJson);
      await writeFileWhole(join(folder, 'config.resolved.yaml'), resolved);
      if (prepared.scoring) await writeFileWhole(join(folder, 'scoring.json'), `${JSON.stringify(prepared.scoring, null, 2)}\n`);
      await writeFileWhole(join(folder, 'metrics.jsonl'), '');
    }
    await write(progress, 'training');

    const rows = prepared.rowsPerStage.map((count, i) => `${count} rows of ${model.max_seq_len} (${(100 * prepared.padded[i]!).toFixed(1)}% padding)`);
    reporter.phase('training', `${engine.layout.total.toLocaleString('en-US')} parameters, ${plan.steps} steps, ${rows.join(', ')}`);
    const result = await runLoop({
      config,
      engine,
      plan,
      heldOut,
      folder,
      extra: { 'config.resolved.yaml': resolved, 'tokenizer.json': tokenizerJson },
      progress,
      reporter,
      signal: options.signal,
      onSaved: (now) => write(now, 'training'),
    });
    const summary = { step: result.progress.step, steps: plan.steps, folder };
    if (!result.finished) return { finished: false, ...summary };

    const nelbo = result.nelbo ?? (heldOut && (await evaluateNelbo(engine, heldOut, { seed: config.seed, levels: FINAL_LEVELS, shiftHead: model.shift_head })));
    reporter.phase('exporting', join(folder, 'model'));
    const state = await engine.read();
    const params = state.ema ?? state.params;
    await writeModelFolder(join(folder, 'model'), {
      model,
      generation: config.generation,
      layout: engine.layout,
      params,
      onnx: await engine.exportOnnx(params),
      tokenizerJson,
      resolvedYaml: resolved,
      card: {
        name: config.experiment_name,
        source: prepared.source,
        trainedOn: {
          documents: prepared.train.length,
          tokens: prepared.unitsPerStage.at(-1)!.reduce((sum, unit) => sum + unit.tokens.length, 0),
          bytes: prepared.unitsPerStage.at(-1)!.reduce((sum, unit) => sum + unit.bytes, 0),
        },
        heldOut: heldOut ?? { documents: 0, tokens: 0, bytes: 0 },
        steps: plan.steps,
        seconds: result.progress.seconds,
        tokensPerSecond: result.tokensPerSecond,
        ...(nelbo && { nelbo }),
        engine: engine.name,
        seed: config.seed,
      },
    });
    await write(result.progress, 'finished');
    reporter.note(
      `finished: ${plan.steps} steps in ${Math.round(result.progress.seconds)} s` +
        (nelbo ? `; held-out NELBO ${nelbo.nelbo.toFixed(3)} ± ${nelbo.se.toFixed(3)} nats/token = ${nelbo.bitsPerByte.toFixed(3)} bits/byte` : ''),
    );
    reporter.note(`memory: estimated ${(estimateMemory(config, memory).total / 1e9).toFixed(2)} GB, measured peak ${(peakBytes() / 1e9).toFixed(2)} GB`);
    return { finished: true, ...summary, model: join(folder, 'model'), ...(nelbo && { nelbo }) };
  } finally {
    await engine.close();
  }
}

/** Loads the newest whole checkpoint into the engine. Without any, the run starts at its beginning. */
async function restore(engine: Engine, folder: string, config: ProjectConfig, initial: Progress, options: TrainOptions): Promise<Progress> {
  const sameModel = ({ model }: Progress): void => {
    for (const [key, value] of Object.entries(model)) {
      if (config.model[key as keyof typeof config.model] !== value) throw new ConfigError([startup.modelChanged(config, key as 'd_model', value)]);
    }
  };
  const onDamaged = (message: string): void => options.warn(`${message}; going back to an earlier checkpoint`);
  const found = await latestCheckpoint(join(folder, 'checkpoints'), engine.layout, sameModel, onDamaged);
  if (!found) return initial;
  await engine.load(found.state);
  return { ...found.progress, seed: initial.seed };
}
