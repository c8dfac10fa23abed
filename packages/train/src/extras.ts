import { pseudoDataCount } from '@mdiff/config';
import { excerptOf } from './excerpt.js';
import type { LoopOptions } from './loopstate.js';
import type { Run } from './open.js';
import { PSEUDO_FILE, makePseudoData, storedUnits } from './pseudo.js';
import { appendSample, withPresentModel } from './samples.js';

// What a run asks of the generating half while it trains: pseudo-data on entering the last stage, and texts every `training.sample_every` steps.

/** The hooks of the loop around a step. `files`: those beside every checkpoint. */
export function extrasOf(run: Run, files: Record<string, string>): Pick<LoopOptions, 'beforeStep' | 'afterStep'> {
  return { beforeStep: (step) => enterLastStage(run, files, step), afterStep: (step) => sampleAfter(run, step) };
}

async function enterLastStage(run: Run, files: Record<string, string>, step: number): Promise<'unchanged' | 'changed' | 'stopped'> {
  const { config, stages, prepared, folder, engine, tokenizerJson, options } = run;
  if (run.pseudo || step !== stages.steps - stages.list.at(-1)!.steps) return 'unchanged';
  const count = pseudoDataCount(config.curriculum, prepared.unitsPerStage.at(-1)!.lengths.length);
  if (count === 0) return 'unchanged';
  const { writer, reporter, signal, warn } = options;
  if (!writer) {
    warn(
      'curriculum.pseudo_data_max_samples: no pseudo-data is made: the package that writes text, @mdiff/generator, is not part of this program',
    );
    return 'unchanged';
  }
  reporter.phase('pseudo-data', `${count} units of stage ${stages.list.at(-1)!.name}, partly masked and refilled by the model`);
  const made = await makePseudoData({ config, engine, prepared, tokenizerJson, folder, refill: writer.refill, signal });
  if (!made) return 'stopped';
  run.pseudo = { units: made.units };
  files[PSEUDO_FILE] = `${JSON.stringify(run.pseudo)}\n`;
  stages.addUnits(storedUnits(run.pseudo));
  await options.lead?.add(run.pseudo);
  reporter.note(`${made.summary}; pseudo.jsonl lists them all, each with the unit that it comes from`);
  return 'changed';
}

async function sampleAfter(run: Run, step: number): Promise<void> {
  const { config, stages, prepared, folder, options } = run;
  const { sample_every: period } = config.training;
  const { writer, reporter, warn } = options;
  if (!writer || period === 0 || (step % period !== 0 && step !== stages.steps)) return;
  const prompt = excerptOf(prepared)?.prompt ?? '';
  let text: string;
  try {
    text = await withPresentModel(run, (model) => writer.write(model, { prompt, seed: config.seed }));
  } catch (error) {
    warn(`no sample after step ${step}: ${(error as Error).message.split('\n')[0]}; the training goes on`);
    return;
  }
  const sample = { step, prompt, text };
  await appendSample(folder, sample);
  reporter.sample?.(sample);
}
