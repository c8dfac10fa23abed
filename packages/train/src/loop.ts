import { join } from 'node:path';
import { emaDecayAt } from '@mdiff/config';
import type { ProjectConfig } from '@mdiff/config';
import type { Batch } from '@mdiff/curriculum';
import { listCheckpoints, pruneCheckpoints, saveCheckpoint } from './checkpoint.js';
import type { Progress } from './checkpoint.js';
import type { Engine, StepBatch } from '@mdiff/engine';
import { MdiffError } from '@mdiff/folder';
import { bitsPerByte, evaluateCausal, evaluateNelbo } from './evaluate.js';
import type { HeldOut } from '@mdiff/prepare';
import type { Nelbo } from './evaluate.js';
import { appendMetric } from './metrics.js';
import type { MetricLine } from './metrics.js';
import { causalStep, noiseStep } from './objective.js';
import type { Reporter } from './reporter.js';

/** Where a step stands in the plan. */
export interface StepInfo {
  stage: { index: number; name: string; first: number; steps: number };
  /** 0-based pass over the stage's text */
  epoch: number;
  /** masking rates, blended at the start of a later stage */
  range: readonly [number, number];
  lr: number;
  dropout: number;
  attentionDropout: number;
}

/** The training plan: pure functions of the step, so that a resumed run needs no saved position. */
export interface Plan {
  steps: number;
  stages: readonly { name: string; steps: number }[];
  /** steps of the causal warm-up, before masked diffusion */
  causalSteps: number;
  at(step: number): StepInfo;
  /** the step's batches, one per accumulation */
  batches(step: number): Batch[];
}

export interface LoopOptions {
  config: ProjectConfig;
  engine: Engine;
  plan: Plan;
  heldOut: HeldOut | undefined;
  /** the run folder */
  folder: string;
  /** files to keep beside every checkpoint, by name */
  extra: Record<string, string>;
  progress: Progress;
  reporter: Reporter;
  signal: AbortSignal;
  /** called after every checkpoint */
  onSaved(progress: Progress): Promise<void>;
}

export interface LoopResult {
  progress: Progress;
  /** false: interrupted; the state is saved */
  finished: boolean;
  nelbo?: Nelbo;
  tokensPerSecond: number;
}

/** Periodic evaluations use one mask per held-out unit, the last one several: the noise of the figure that is reported halves. */
const LEVELS = 1;
export const FINAL_LEVELS = 4;

export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const { config, engine, plan, heldOut, folder, reporter, signal } = options;
  const { training, model } = config;
  const shiftHead = model.shift_head;
  const progress: Progress = structuredClone(options.progress);
  const { window } = progress;
  const metrics = join(folder, 'metrics.jsonl');
  const checkpoints = join(folder, 'checkpoints');
  const objective = (step: number): MetricLine['objective'] => (step < plan.causalSteps ? 'causal' : 'diffusion');

  const prepare = (step: number): { batches: StepBatch[]; tokens: number } => {
    const info = plan.at(step);
    const batches = plan.batches(step);
    const made =
      objective(step) === 'causal'
        ? causalStep(batches)
        : noiseStep(batches, { seed: config.seed, step, range: info.range, fullRangeFraction: config.curriculum.full_range_fraction, training, shiftHead });
    const dropping = info.dropout > 0 || info.attentionDropout > 0;
    return {
      batches: made.map((batch, pass) => ({
        ...batch,
        ...(dropping && { dropout: { seed: config.seed, step, pass, rate: info.dropout, attention: info.attentionDropout } }),
      })),
      tokens: batches.reduce((sum, { tokens }) => sum + tokens, 0),
    };
  };

  const stageEnds = new Set<number>();
  for (let step = 0; step < plan.steps; ) {
    const { stage } = plan.at(step);
    step = stage.first + stage.steps;
    stageEnds.add(step);
  }

  const save = async (): Promise<void> => {
    if ((await listCheckpoints(checkpoints)).includes(progress.step)) return;
    await saveCheckpoint(checkpoints, engine.layout, { progress, state: await engine.read() }, options.extra);
    const always = new Set([...stageEnds, progress.best?.step ?? -1, progress.step]);
    await pruneCheckpoints(checkpoints, training.keep_checkpoints, always);
    await options.onSaved(progress);
  };

  let tokens = 0;
  let seconds = 0;
  let allTokens = 0;
  let allSeconds = 0;
  let last: Nelbo | undefined;
  let pace = 0; // seconds a step, smoothed
  let next: ReturnType<typeof prepare> | undefined;

  while (progress.step < plan.steps && !signal.aborted) {
    const step = progress.step;
    const info = plan.at(step);
    const begun = performance.now();
    const current = next ?? prepare(step);
    const running = engine.step(current.batches, {
      lr: info.lr,
      step: progress.adam_step + 1,
      beta1: training.beta1,
      beta2: training.beta2,
      eps: training.eps,
      weightDecay: training.weight_decay,
      clip: training.max_grad_norm,
      ema: emaDecayAt(training, step + 1),
    });
    next = step + 1 < plan.steps ? prepare(step + 1) : undefined; // while the engine works
    const result = await running;
    if (!result.finite) {
      if (training.on_nonfinite === 'stop') {
        throw new MdiffError(
          'MDIFF_NONFINITE',
          `step ${step + 1} (stage ${info.stage.name}, epoch ${info.epoch + 1}): expected a finite loss and gradient, got loss ${result.loss}, norm ${result.gradNorm}; ` +
            'lower training.learning_rate and run again with --resume, or set training.on_nonfinite to "skip"',
        );
      }
      window.skipped++;
    } else {
      progress.adam_step++;
      window.loss += result.loss;
      window.updates++;
    }
    progress.step = step + 1;
    const elapsed = (performance.now() - begun) / 1000;
    tokens += current.tokens;
    seconds += elapsed;
    allTokens += current.tokens;
    allSeconds += elapsed;
    progress.seconds += elapsed;
    pace = pace === 0 ? elapsed : 0.9 * pace + 0.1 * elapsed;

    const done = progress.step;
    const stageEnd = stageEnds.has(done);
    const following = done < plan.steps ? plan.at(done) : undefined;
    const epochEnd = following === undefined || following.epoch !== info.epoch || stageEnd;
    const watching = training.patience > 0 && heldOut !== undefined && epochEnd;
    const due = heldOut !== undefined && (stageEnd || watching || (training.eval_every > 0 && done % training.eval_every === 0));
    const logged = due || stageEnd || done % training.log_every === 0 || window.skipped > 0;

    const line: MetricLine = {
      step: done,
      stage: info.stage.name,
      objective: objective(step),
      epoch: info.epoch,
      loss: window.updates > 0 ? window.loss / window.updates : result.loss,
      lr: info.lr,
      grad_norm: result.gradNorm,
      tokens_per_s: tokens / seconds,
      ...(window.skipped > 0 && { skipped: window.skipped }),
    };
    let improved = false;
    if (due && heldOut) {
      const evaluated = performance.now();
      if (line.objective === 'causal') line.causal_nll = await evaluateCausal(engine, heldOut);
      else {
        last = await evaluateNelbo(engine, heldOut, { seed: config.seed, levels: following ? LEVELS : FINAL_LEVELS, shiftHead });
        line.nelbo = last.nelbo;
        line.nelbo_se = last.se;
        line.bits_per_byte = last.bitsPerByte;
        if (last.nelbo < (progress.best?.nelbo ?? Infinity)) {
          progress.best = { step: done, nelbo: last.nelbo };
          improved = true;
        }
      }
      progress.seconds += (performance.now() - evaluated) / 1000;
    }
    reporter.step(
      {
        step: done,
        steps: plan.steps,
        stage: line.stage,
        objective: line.objective,
        loss: line.loss,
        lr: line.lr,
        tokens_per_s: line.tokens_per_s,
        ...(line.causal_nll !== undefined && heldOut && { causal_bits_per_byte: bitsPerByte(line.causal_nll, heldOut) }),
        ...(last && { nelbo: last.nelbo, bits_per_byte: last.bitsPerByte }),
        left: (plan.steps - done) * pace,
      },
      logged,
    );
    if (logged) {
      await appendMetric(metrics, line);
      Object.assign(window, { loss: 0, updates: 0, skipped: 0 });
      tokens = seconds = 0;
    }

    let jumped = false;
    if (watching && line.nelbo !== undefined) jumped = losePatience(progress, info, line.nelbo, training);
    if (stageEnd || jumped || improved || (training.save_every > 0 && done % training.save_every === 0)) {
      if (jumped) {
        reporter.note(`stage ${info.stage.name}: no improvement for ${training.patience} epochs; going on at step ${progress.step}`);
        next = progress.step < plan.steps ? prepare(progress.step) : undefined;
      }
      if ((stageEnd || jumped) && progress.step < plan.steps && config.curriculum.reset_optimizer) {
        await engine.resetMoments();
        progress.adam_step = 0;
      }
      await save();
    }
  }
  reporter.end();
  const finished = progress.step >= plan.steps;
  await save();
  return { progress, finished, ...(last && { nelbo: last }), tokensPerSecond: allSeconds > 0 ? allTokens / allSeconds : 0 };
}

/** Counts an epoch without improvement; when there were enough, the step index moves to the next stage's first step. */
function losePatience(progress: Progress, { stage }: StepInfo, nelbo: number, { patience, min_delta }: ProjectConfig['training']): boolean {
  const known = progress.patience?.stage === stage.index ? progress.patience : { stage: stage.index, best: Infinity, bad: 0 };
  progress.patience = nelbo < known.best - min_delta ? { ...known, best: nelbo, bad: 0 } : { ...known, bad: known.bad + 1 };
  if (progress.patience.bad < patience) return false;
  progress.step = stage.first + stage.steps;
  return true;
}
