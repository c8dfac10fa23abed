import { join } from 'node:path';
import { isFiniteState, pruneCheckpoints, saveCheckpoint } from './checkpoint.js';
import type { LossWindow } from './checkpoint.js';
import { dueAfter } from './due.js';
import { evaluate, keepFigures } from './loopevaluation.js';
import { isFinished, startState } from './loopstate.js';
import type { LoopOptions, LoopResult, LoopState } from './loopstate.js';
import { stopIfLost } from './lock.js';
import { appendMetric } from './metrics.js';
import type { MetricLine } from './metrics.js';
import { MAX_SKIPS, fallBack, nonFinite } from './nonfinite.js';
import { lineRate, paceAfterLine, paceAfterStep, secondsPerStep } from './pace.js';
import { evaluatesCausal, stageEnds } from './stages.js';
import type { Stages } from './stages.js';
import { addLoss } from './spike.js';
import { updateAt } from './step.js';
import { besideStep, noTime, spend } from './timespent.js';
import { passesLeft } from './workload.js';

/** Trains until the last step is evaluated or `signal` is aborted, and saves. */
export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const state = startState(options);
  try {
    await steps(options, state);
  } catch (error) {
    throw await fallBack(options.folder, state.updated, error);
  }
  const { progress, nelbo, causal } = state;
  return {
    progress,
    finished: isFinished(progress, options.stages),
    ...(nelbo && { nelbo }),
    ...(causal !== undefined && evaluatesCausal(options.stages) && { causal }),
  };
}

async function steps(options: LoopOptions, state: LoopState): Promise<void> {
  const { config, stages, heldOut, signal, reporter } = options;
  const { progress } = state;
  while (!signal.aborted && !isFinished(progress, stages)) {
    // A resumed run first repeats an interrupted evaluation; the step itself is done.
    if (!progress.unevaluated && !(await enter(options, progress.step))) break;
    const line = progress.unevaluated ?? (await update(options, state));
    stopIfLost(signal);
    const due = dueAfter(progress.step, stages, { hasHeldOut: heldOut !== undefined, training: config.training });
    const evaluation = due.evaluate && heldOut ? await evaluate(options, state, { line, due, heldOut }) : {};
    if (evaluation === undefined) {
      progress.unevaluated = line;
      break;
    }
    delete progress.unevaluated;
    const improved = keepFigures(options, state, { line, evaluation });
    await spend(progress, 'watching', async () => {
      await report(options, state, line, due.log || progress.window.skipped > 0);
      await options.afterStep(progress.step);
    });
    const skipsStage = evaluation.exhausted === true && skipStage(options, state);
    if ((due.stageEnd || skipsStage) && progress.step < stages.steps && config.curriculum.reset_optimizer)
      await resetOptimizer(options, state);
    if (due.save || skipsStage || improved) await save(options, state);
  }
  reporter.end();
  stopIfLost(signal);
  await save(options, state);
  if (isFinished(progress, stages)) await prune(options, state);
}

/** @returns false if the run was stopped before the step could begin */
async function enter({ beforeStep, loader }: LoopOptions, step: number): Promise<boolean> {
  const change = await beforeStep(step);
  if (change === 'changed') loader.forget();
  return change !== 'stopped';
}

/** Runs one optimiser step. @returns its metric line, not evaluated yet */
async function update(options: LoopOptions, state: LoopState): Promise<MetricLine> {
  const { config, engine, stages, loader } = options;
  const { progress } = state;
  const { window, step } = progress;
  const made = state.pace.started ? undefined : await startupSeconds(engine);
  const start = performance.now();
  const kept = progress.spent?.checkpoints ?? 0;
  const input = await loader.input(step);
  const running = engine.step(input.batches, updateAt(config, stages, step, progress.adam_step));
  loader.ahead(step + 1); // while the engine works
  const { finite, loss, gradNorm } = await running;
  const { stage, epoch, lr } = stages.infoAt(step);
  if (finite) {
    await prune(options, state);
    state.updated = step + 1;
    progress.adam_step++;
    delete progress.skips;
    count(window, stages, step, loss);
    watchLoss(options, state, { step, loss });
  } else {
    progress.skips = (progress.skips ?? 0) + 1;
    window.skipped++;
    const at = `step ${step + 1} (stage ${stage.name}, epoch ${epoch + 1}): expected a finite loss and gradient, got loss ${loss}, norm ${gradNorm}, from ${options.rowsOf(step)}`;
    if (config.training.on_nonfinite === 'stop') throw nonFinite(at, ', or set training.on_nonfinite to "skip"');
    if (progress.skips >= MAX_SKIPS) throw nonFinite(`${at}, as in each of the last ${MAX_SKIPS} steps`);
  }
  progress.step = step + 1;
  progress.tokens = (progress.tokens ?? 0) + input.tokens;
  const seconds = (performance.now() - start) / 1000;
  progress.seconds += seconds;
  // Removing old checkpoints is part of them.
  progress.spent ??= { ...noTime };
  progress.spent.steps += seconds - (progress.spent.checkpoints - kept);
  const making = made === undefined ? 0 : (await startupSeconds(engine)) - made;
  state.pace = paceAfterStep(state.pace, { tokens: input.tokens, seconds, work: state.workload.between(step, step + 1), making });
  return {
    step: progress.step,
    stage: stage.name,
    objective: stages.objective === 'mixed' ? 'mixed' : stages.isCausal(step) ? 'causal' : 'diffusion',
    epoch,
    loss: window.updates > 0 ? window.loss / window.updates : loss,
    ...(window.causal && { causal_loss: window.causal.loss / window.causal.updates }),
    lr,
    grad_norm: gradNorm,
    tokens_per_s: lineRate(state.pace),
    ...(window.skipped > 0 && { skipped: window.skipped }),
  };
}

/** Seconds that the engine has taken to make and load its graphs so far. */
const startupSeconds = async (engine: LoopOptions['engine']): Promise<number> =>
  Object.values(await engine.startup()).reduce((sum, ms) => sum + ms / 1000, 0);

/** Warns of a loss that stands out, with the text that gave it. */
function watchLoss({ stages, rowsOf, warn }: LoopOptions, state: LoopState, { step, loss }: { step: number; loss: number }): void {
  const { stage } = stages.infoAt(step);
  const { after, spike } = addLoss(state.losses, `${stage.name} ${stages.isCausal(step)}`, loss);
  state.losses = after;
  if (!spike) return;
  warn(
    `step ${step + 1} (stage ${stage.name}): the loss ${loss.toFixed(3)} is more than three times its running mean, from ${rowsOf(step)}; if such steps repeat, lower training.learning_rate, or look at this text`,
  );
}

/** Adds the loss of a step to the sums of its objective. */
function count(window: LossWindow, { objective, isCausal }: Stages, step: number, loss: number): void {
  const sums = objective === 'mixed' && isCausal(step) ? (window.causal ??= { loss: 0, updates: 0 }) : window;
  sums.loss += loss;
  sums.updates++;
}

/** Seconds until the run's last evaluation; undefined before the first step. */
function secondsLeft({ config, stages, heldOut }: LoopOptions, { progress, pace, workload, pass }: LoopState): number | undefined {
  const seconds = secondsPerStep(pace);
  if (seconds === undefined) return undefined;
  // Without the backward pass a token costs a third.
  const guess = heldOut && progress.tokens ? (seconds * heldOut.tokens * progress.step) / progress.tokens / 3 : 0;
  const passes = heldOut ? passesLeft(progress.step, stages, config) : 0;
  const beside = besideStep(progress.spent, progress.step - (progress.left_out ?? 0));
  return workload.between(progress.step, stages.steps) * seconds + passes * (pass ?? guess) + (stages.steps - progress.step) * beside;
}

/** Reports a step and, where `logged`, writes its metric line. */
async function report(options: LoopOptions, state: LoopState, line: MetricLine, logged: boolean): Promise<void> {
  const { stages, folder, reporter, onMetric } = options;
  const { nelbo, pace, progress } = state;
  const left = secondsLeft(options, state);
  reporter.step(
    {
      step: line.step,
      steps: stages.steps,
      stage: line.stage,
      objective: line.objective,
      loss: line.loss,
      ...(line.causal_loss !== undefined && { causal_loss: line.causal_loss }),
      lr: line.lr,
      tokens_per_s: line.tokens_per_s,
      ...(line.causal_bits_per_byte !== undefined && { causal_bits_per_byte: line.causal_bits_per_byte }),
      ...(nelbo && { nelbo: nelbo.nelbo, bits_per_byte: nelbo.bitsPerByte }),
      ...(left !== undefined && { left }),
    },
    logged,
  );
  if (!logged) return;
  await appendMetric(join(folder, 'metrics.jsonl'), line);
  await onMetric?.(line, folder);
  Object.assign(progress.window, { loss: 0, updates: 0, skipped: 0 });
  delete progress.window.causal;
  state.pace = paceAfterLine(pace);
}

/** Continues at the first step of the next stage. @returns false where the stage was over anyway */
function skipStage({ config, stages, loader, reporter }: LoopOptions, state: LoopState): boolean {
  const { progress } = state;
  const { stage } = stages.infoAt(progress.step - 1);
  const next = stage.first + stage.steps;
  if (next === progress.step) return false;
  progress.left_out = (progress.left_out ?? 0) + next - progress.step;
  progress.step = next;
  loader.forget(); // the inputs of steps that are skipped
  reporter.note(
    `stage ${stage.name}: no improvement for ${config.training.patience} epochs; ${next < stages.steps ? `the next stage begins at step ${next}` : 'the run ends'}`,
  );
  return true;
}

async function resetOptimizer({ engine }: LoopOptions, { progress }: LoopState): Promise<void> {
  await engine.resetMoments();
  progress.adam_step = 0;
}

/** Writes a checkpoint of the present state, unless there is one. */
async function save(options: LoopOptions, state: LoopState): Promise<void> {
  const { progress } = state;
  const evaluated = progress.unevaluated === undefined;
  if (state.saved?.step === progress.step && state.saved.evaluated === evaluated) return;
  await spend(progress, 'checkpoints', () => write(options, state));
  state.saved = { step: progress.step, evaluated };
  state.unpruned = true;
  await options.onSaved(progress);
}

async function write({ engine, folder, extra }: LoopOptions, { progress }: LoopState): Promise<void> {
  const trained = await engine.read();
  if (!isFiniteState(trained)) throw nonFinite(`step ${progress.step}: the weights are not finite, so mdiff saves no checkpoint of them`);
  await saveCheckpoint(join(folder, 'checkpoints'), engine.layout, { progress, state: trained }, extra);
}

/** Removes old checkpoints, once the weights of the newest have shown a finite loss. */
async function prune({ config, stages, folder }: LoopOptions, state: LoopState): Promise<void> {
  if (!state.unpruned) return;
  state.unpruned = false;
  const always = new Set([...stageEnds(stages), stages.decayStart ?? -1, state.progress.best?.step ?? -1]);
  await spend(state.progress, 'checkpoints', () => pruneCheckpoints(join(folder, 'checkpoints'), config.training.keep_checkpoints, always));
}
