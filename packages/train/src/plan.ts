import type { ProjectConfig } from '@mdiff/config';
import type { StepEngine } from '@mdiff/engine';
import type { HeldOut } from '@mdiff/prepare';
import { FINAL_LEVELS, evaluateNelbo } from './evaluate.js';
import type { RecordedPlan } from './record.js';
import type { Reporter } from './reporter.js';
import { evaluatesCausal } from './stages.js';
import type { Stages } from './stages.js';
import { prepareStep, updateAt } from './step.js';

// The plan of `training.max_minutes`: as many steps as fit, by the speed measured here. The measured steps are undone, so that the run is a
// function of the plan alone, and a resumed run with the recorded plan is the same to the bit.

/** Seconds that the parts of a run take. */
export interface Costs {
  step: number;
  /** one evaluation within the run, and the last one */
  evaluation: number;
  lastEvaluation: number;
  save: number;
  export: number;
}

type Periods = Pick<ProjectConfig['training'], 'eval_every' | 'save_every'> & {
  sample_every?: number;
  stages: number;
  /** evaluations for `training.patience` */
  epochs: number;
};

/** The largest number of steps, at most `most` and at least one a stage, that end within `seconds`. */
export function fittingSteps(
  costs: Costs,
  { eval_every, save_every, sample_every = 0, stages, epochs }: Periods,
  seconds: number,
  most: number,
): number {
  const times = (steps: number, period: number): number => (period > 0 ? Math.floor(steps / period) : 0);
  const needed = (steps: number): number =>
    steps * costs.step +
    (times(steps, eval_every) + stages - 1 + epochs) * costs.evaluation +
    costs.lastEvaluation +
    (times(steps, save_every) + stages) * costs.save +
    // A sample makes a graph, as the export does.
    (1 + times(steps, sample_every)) * costs.export;
  let [low, high] = [stages, Math.max(stages, Math.min(most, Math.ceil(seconds / Math.max(costs.step, 1e-6))))];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (needed(middle) <= seconds) low = middle;
    else high = middle - 1;
  }
  return low;
}

export interface PlanOptions {
  config: ProjectConfig;
  /** of the configuration without a plan: steps are measured all over it */
  stages: Stages;
  engine: StepEngine;
  heldOut: HeldOut | undefined;
  minutes: number;
  /** `performance.now()` when the run began: reading the text counts */
  started: number;
  reporter: Reporter;
  signal: AbortSignal;
}

/** The plan of a run. `seconds`: of an average step and of one pass over the held-out text, if they were measured just now. */
export interface MeasuredPlan extends Pick<RecordedPlan, 'steps' | 'measured'> {
  seconds?: { step: number; pass: number };
}

/** Steps that are not measured: the first ones compile the graph and fill caches. */
const WARM = 2;
const SAMPLES = 6;
/** share of the minutes that measuring may take once there are that many samples, at most so many seconds; and share that stays free */
const MEASURING = 0.02;
const LONGEST = 10;
const RESERVE = 0.02;

/** Measures a few steps spread over the run, undoes them, and plans as many steps as fit. */
export async function measurePlan(options: PlanOptions): Promise<MeasuredPlan> {
  const { config, stages, engine, minutes, started, reporter, signal } = options;
  reporter.phase('measuring', 'the speed of this machine');
  const since = (start: number): number => (performance.now() - start) / 1000;
  const reading = performance.now();
  const before = await engine.read();
  const save = 2 * since(reading) + (4 * 4 * engine.layout.total) / 1e8; // a disk that takes 100 MB/s
  const begun = performance.now();
  const sum = { steps: 0, tokens: 0, seconds: 0 };
  for (let i = 0; sum.steps < SAMPLES || since(begun) < Math.min(LONGEST, MEASURING * 60 * minutes); i++) {
    signal.throwIfAborted();
    // The golden ratio spreads any number of samples evenly over the stages.
    const step = Math.floor((((i + 0.5) * 0.6180339887498949) % 1) * stages.steps);
    const input = prepareStep(config, stages, step);
    const start = performance.now();
    await engine.step(input.batches, updateAt(config, stages, step, 0));
    if (i < WARM) continue;
    sum.steps++;
    sum.seconds += since(start);
    sum.tokens += input.tokens;
  }
  const pass = await evaluationSeconds(options);
  await engine.load(before);
  const { trace, optimize, lower } = await engine.startup();
  const { training, curriculum } = config;
  // Passes of the next-token evaluation, and of the NELBO where there is one.
  const causal = evaluatesCausal(stages) ? 1 : 0;
  const masked = stages.objective === 'causal' ? 0 : 1;
  const costs: Costs = {
    step: sum.seconds / sum.steps,
    evaluation: (masked + causal) * pass,
    lastEvaluation: (masked * FINAL_LEVELS + causal) * pass,
    save,
    export: save + (trace + optimize + lower) / 1000,
  };
  const epochs = training.patience > 0 && options.heldOut ? curriculum.stages.reduce((total, { epochs: count }) => total + count, 0) : 0;
  const left = 60 * minutes * (1 - RESERVE) - since(started);
  const most = Math.min(training.max_steps ?? Infinity, training.on_max_steps === 'truncate' ? stages.steps : Infinity);
  const steps = fittingSteps(costs, { ...training, stages: curriculum.stages.length, epochs }, left, most);
  const measured = { minutes, tokens_per_s: Math.round(sum.tokens / sum.seconds) };
  reporter.note(describePlan(steps, measured, most));
  return { steps, measured, seconds: { step: costs.step, pass } };
}

const describePlan = (steps: number, { minutes, tokens_per_s }: NonNullable<RecordedPlan['measured']>, most: number): string =>
  `${steps} steps fit in ${minutes} minutes at ${tokens_per_s.toLocaleString('en-US')} tokens/s${steps === most ? ', and the plan has no more' : ''}`;

/** Seconds of one pass over the held-out text, by its first batch. */
async function evaluationSeconds({ config: { seed, model }, engine, heldOut, signal }: PlanOptions): Promise<number> {
  if (!heldOut) return 0;
  const first = { ...heldOut, batches: heldOut.batches.slice(0, 1) };
  const measure = async (): Promise<number> => {
    const start = performance.now();
    await evaluateNelbo(engine, first, { seed, brief: true, shiftHead: model.shift_head, signal });
    return (performance.now() - start) / 1000;
  };
  await measure(); // compiles
  return (await measure()) * heldOut.batches.length;
}
