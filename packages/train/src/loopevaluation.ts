import type { HeldOut } from '@mdiff/prepare';
import type { Due } from './due.js';
import { bitsPerByte, evaluateCausal, evaluateNelbo } from './evaluate.js';
import type { Nelbo } from './evaluate.js';
import type { LoopOptions, LoopState } from './loopstate.js';
import type { MetricLine } from './metrics.js';
import { judgeEpoch } from './patience.js';
import type { Patience } from './patience.js';
import { showEvaluation } from './reporter.js';
import { spend } from './timespent.js';

// The evaluations of the training loop.

/** The figures after a step. */
export interface Evaluation {
  causal?: number;
  nelbo?: Nelbo;
  patience?: Patience;
  /** the stage should end */
  exhausted?: boolean;
}

/** Evaluates the held-out text. @returns undefined if it was interrupted */
export const evaluate = (options: LoopOptions, state: LoopState, at: EvaluatedLine): Promise<Evaluation | undefined> =>
  spend(state.progress, 'evaluation', () => measureAll(options, state, at));

/** A step that is to be evaluated. */
interface EvaluatedLine {
  line: MetricLine;
  due: Due;
  heldOut: HeldOut;
}

async function measureAll(
  { config: { seed, model, training }, engine, stages, signal, reporter }: LoopOptions,
  state: LoopState,
  { line, due, heldOut }: EvaluatedLine,
): Promise<Evaluation | undefined> {
  const { progress } = state;
  const start = performance.now();
  const watched = { signal, onBatch: showEvaluation(reporter) };
  const measure = (brief: boolean): Promise<Nelbo | undefined> =>
    evaluateNelbo(engine, heldOut, { seed, brief, shiftHead: model.shift_head, ...watched });
  try {
    const causal = line.objective === 'diffusion' ? undefined : await evaluateCausal(engine, heldOut, watched);
    if (causal !== undefined) state.pass = (performance.now() - start) / 1000;
    if (line.objective === 'causal') return causal === undefined ? undefined : { causal };
    const begun = performance.now();
    const nelbo = await measure(line.step < stages.steps);
    if (line.step < stages.steps) state.pass = (performance.now() - begun) / 1000;
    if (!nelbo) return undefined;
    const figures = { nelbo, ...(causal !== undefined && { causal }) };
    if (!due.patience) return figures;
    const { index, first, steps } = stages.infoAt(line.step - 1).stage;
    const judgement = judgeEpoch(progress.patience, { stage: index, nelbo: nelbo.brief.nelbo }, training);
    // A run that stops early reports the full evaluation too.
    const stops = judgement.exhausted && line.step < stages.steps && first + steps === stages.steps;
    const figure = stops ? await measure(false) : nelbo;
    return figure && { ...figures, nelbo: figure, ...judgement };
  } finally {
    progress.seconds += (performance.now() - start) / 1000;
  }
}

/** Keeps the figures of an evaluation. @returns whether this is the lowest NELBO so far */
export function keepFigures(
  { heldOut }: LoopOptions,
  state: LoopState,
  { line, evaluation: { causal, nelbo, patience } }: { line: MetricLine; evaluation: Evaluation },
): boolean {
  const { progress } = state;
  if (causal !== undefined) {
    line.causal_nll = causal;
    if (heldOut) line.causal_bits_per_byte = bitsPerByte(causal, heldOut);
    state.causal = causal;
  }
  if (patience) progress.patience = patience;
  if (!nelbo) return false;
  state.nelbo = nelbo;
  line.nelbo = nelbo.nelbo;
  line.nelbo_se = nelbo.se;
  line.bits_per_byte = nelbo.bitsPerByte;
  line.loss_by_ratio = nelbo.byRatio;
  const { brief } = nelbo;
  if (brief.nelbo !== nelbo.nelbo) line.brief = { nelbo: brief.nelbo, nelbo_se: brief.se, bits_per_byte: brief.bitsPerByte };
  if (brief.nelbo >= (progress.best?.nelbo ?? Infinity)) return false;
  progress.best = { step: line.step, nelbo: brief.nelbo };
  return true;
}
