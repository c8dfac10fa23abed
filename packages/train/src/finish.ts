import { join } from 'node:path';
import { estimateMemory } from '@mdiff/config';
import { peakBytes } from '@mdiff/engine';
import { readFolderWhole } from '@mdiff/folder/node';
import { bitsPerByte, causalNats, evaluateCausal, evaluateNelbo } from './evaluate.js';
import type { Nelbo } from './evaluate.js';
import { excerptOf } from './excerpt.js';
import { speedOf, writeModelFolder, writesCausal } from './export.js';
import type { Card } from './export.js';
import { stopIfLost } from './lock.js';
import type { LoopResult } from './loopstate.js';
import { recordRun } from './open.js';
import { showEvaluation } from './reporter.js';
import { evaluatesCausal } from './stages.js';
import { describeTime } from './timespent.js';
import type { Run } from './open.js';
import type { TrainResult } from './options.js';
import type { EarlierRun } from './record.js';

/** A finished run whose model folder is whole; undefined for another one. Nothing is written. */
export async function finishedBefore(folder: string, { record }: EarlierRun): Promise<TrainResult | undefined> {
  if (record?.state !== 'finished') return undefined;
  const model = join(folder, 'model');
  const whole = await readFolderWhole(model).then(
    () => true,
    () => false,
  );
  return whole ? { finished: true, step: record.step, steps: record.steps, folder, model } : undefined;
}

/** The last figures of a run. */
interface Figures {
  nelbo: Nelbo | undefined;
  causalBitsPerByte: number | undefined;
}

/** Evaluates if the loop did not, exports the model folder, and reports the figures. */
export async function finish(run: Run, result: LoopResult): Promise<TrainResult> {
  const { config, folder, stages, options, selection, engine, prepared } = run;
  const { reporter, signal } = options;
  const { step, left_out = 0 } = result.progress;
  const summary = { step: step - left_out, steps: stages.steps, folder };
  const interrupted = { finished: false, ...summary };
  if (!result.finished) return interrupted;
  const watched = { signal, onBatch: showEvaluation(reporter) };
  let { nelbo } = result;
  if (!nelbo && prepared.heldOut && stages.objective !== 'causal') {
    nelbo = await evaluateNelbo(engine, prepared.heldOut, {
      seed: config.seed,
      brief: false,
      shiftHead: config.model.shift_head,
      ...watched,
    });
    if (!nelbo) return interrupted; // the last checkpoint is saved; a resumed run evaluates again
  }
  let { causal } = result;
  if (causal === undefined && prepared.heldOut && evaluatesCausal(stages)) {
    causal = await evaluateCausal(engine, prepared.heldOut, watched);
    if (causal === undefined) return interrupted;
  }
  const perUnit =
    nelbo?.perUnit ?? (stages.objective === 'causal' && prepared.heldOut ? await causalNats(engine, prepared.heldOut, watched) : undefined);
  const causalBits = causal === undefined || !prepared.heldOut ? undefined : bitsPerByte(causal, prepared.heldOut);
  const model = join(folder, 'model');
  stopIfLost(signal);
  reporter.phase('exporting', model);
  const card = cardOf(run, result, { nelbo, causalBitsPerByte: causalBits });
  await exportModel(run, model, card);
  await recordRun(run, result.progress, 'finished');
  reporter.note(
    `finished: ${ranSteps(result.progress, stages)} in ${Math.round(result.progress.seconds)} s` +
      (nelbo
        ? `; held-out NELBO ${nelbo.nelbo.toFixed(3)} ± ${nelbo.se.toFixed(3)} nats/token = ${nelbo.bitsPerByte.toFixed(3)} bits/byte`
        : '') +
      (causalBits === undefined ? '' : `; next-token prediction ${causalBits.toFixed(3)} bits/byte`),
  );
  const time = describeTime(result.progress.spent);
  if (time !== undefined) reporter.note(`time: ${time}`);
  reporter.note(
    `memory: estimated ${(estimateMemory(config, selection.memory).total / 1e9).toFixed(2)} GB, measured peak ${(peakBytes() / 1e9).toFixed(2)} GB`,
  );
  return {
    finished: true,
    ...summary,
    model,
    ...(card.excerpt && { excerpt: card.excerpt }),
    ...(nelbo && { nelbo }),
    ...(perUnit && { perUnit }),
    ...(prepared.heldOut && { heldOut: { tokens: prepared.heldOut.tokens, bytes: prepared.heldOut.bytes } }),
    ...(result.progress.tokens !== undefined && { tokens: result.progress.tokens }),
    ...(causalBits !== undefined && { causalBitsPerByte: causalBits }),
  };
}

/** `20 steps`; after early stopping `64 of 101 planned steps`. */
function ranSteps({ step, left_out = 0 }: LoopResult['progress'], { steps }: Run['stages']): string {
  return left_out === 0 ? `${step} steps` : `${step - left_out} of ${steps} planned steps`;
}

async function exportModel({ config, engine, tokenizerJson, resolvedYaml: resolved }: Run, path: string, card: Card): Promise<void> {
  const state = await engine.read();
  const params = state.ema ?? state.params;
  await writeModelFolder(path, {
    model: config.model,
    causalShare: config.training.causal_fraction,
    generation: config.generation,
    layout: engine.layout,
    params,
    onnx: await engine.exportOnnx(params, writesCausal(config, card.base)),
    tokenizerJson,
    resolvedYaml: resolved,
    card,
  });
}

function cardOf({ config, engine, prepared, stages }: Run, { progress }: LoopResult, { nelbo, causalBitsPerByte }: Figures): Card {
  const excerpt = excerptOf(prepared);
  const units = prepared.unitsPerStage.at(-1)!;
  return {
    name: config.experiment_name,
    source: prepared.text.title,
    trainedOn: {
      documents: prepared.documents,
      tokens: units.tokens,
      bytes: units.bytes,
    },
    heldOut: prepared.heldOut ?? { documents: 0, tokens: 0, bytes: 0, of: 0, format: config.training.eval_format },
    steps: progress.step - (progress.left_out ?? 0),
    planned: stages.steps,
    ...(progress.tokens !== undefined && { tokensSeen: progress.tokens }),
    seconds: progress.seconds,
    tokensPerSecond: speedOf(progress),
    ...(nelbo && { nelbo }),
    ...(causalBitsPerByte !== undefined && { causalBitsPerByte }),
    engine: engine.name,
    ...(excerpt && { excerpt }),
    seed: config.seed,
    ...(progress.base && { base: progress.base }),
  };
}
