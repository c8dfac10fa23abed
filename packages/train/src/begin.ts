import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, startup } from '@mdiff/config';
import { places } from '@mdiff/folder';
import { writeFileWhole } from '@mdiff/folder/node';
import type { BaseModel } from '@mdiff/folder/node';
import { recordOf, stateFrom } from './base.js';
import { latestCheckpoint, loadCheckpoint, removeLater, saveCheckpoint } from './checkpoint.js';
import type { Checkpoint, Progress } from './checkpoint.js';
import { networkOf } from './network.js';
import { rewindMetrics } from './metrics.js';
import { recordRun } from './open.js';
import type { Run } from './open.js';
import { PSEUDO_FILE, storedUnits } from './pseudo.js';
import type { PseudoData } from './pseudo.js';
import { rewindSamples } from './samples.js';

/** Restores the newest checkpoint, or writes the files that a run begins with. */
export async function begin(run: Run): Promise<{ progress: Progress; restored: boolean }> {
  const { config, folder, options, prepared } = run;
  const initial: Progress = {
    step: 0,
    adam_step: 0,
    seed: config.seed,
    model: networkOf(config.model),
    window: { loss: 0, updates: 0, skipped: 0 },
    seconds: 0,
  };
  const restored = options.mode === 'resume' ? await restore(run) : undefined;
  const progress = restored ?? initial;
  if (run.stages.decayStart !== undefined) progress.decay_start = run.stages.decayStart;
  else delete progress.decay_start;
  if (options.mode === 'resume') {
    // The metric line of a step is written after its evaluation, which the resumed run repeats.
    await rewindMetrics(join(folder, 'metrics.jsonl'), progress.unevaluated ? progress.step - 1 : progress.step);
    await rewindSamples(folder, progress.step);
    await writeIfOther(join(folder, 'tokenizer.json'), run.tokenizerJson);
    await writeIfOther(join(folder, 'config.resolved.yaml'), run.resolvedYaml);
  } else {
    await writeFileWhole(join(folder, 'tokenizer.json'), run.tokenizerJson, places.output);
    await writeFileWhole(join(folder, 'config.resolved.yaml'), run.resolvedYaml, places.output);
    if (prepared.scoring)
      await writeFileWhole(join(folder, 'scoring.json'), `${JSON.stringify(prepared.scoring, null, 2)}\n`, places.output);
    await writeFileWhole(join(folder, 'metrics.jsonl'), '', places.output);
  }
  const started = restored === undefined && run.base !== undefined;
  if (started) await startFrom(run.base!, run, progress);
  await recordRun(run, progress, 'training');
  return { progress, restored: restored !== undefined || started };
}

/** The files beside the weights of every checkpoint, by name. */
export const checkpointFiles = ({ resolvedYaml, tokenizerJson, fingerprint, pseudo }: Run): Record<string, string> => ({
  'config.resolved.yaml': resolvedYaml,
  'tokenizer.json': tokenizerJson,
  'fingerprint.json': `${JSON.stringify(fingerprint, null, 2)}\n`,
  ...(pseudo && { [PSEUDO_FILE]: `${JSON.stringify(pseudo)}\n` }),
});

/** Loads the weights of the base model, and saves them as the checkpoint of step 0: a resumed run needs the model folder no longer. */
async function startFrom(base: BaseModel, run: Run, progress: Progress): Promise<void> {
  const { engine, config, folder, options } = run;
  await engine.load(stateFrom(base, engine.layout, config.training.ema_decay > 0));
  progress.base = recordOf(base);
  await saveCheckpoint(join(folder, 'checkpoints'), engine.layout, { progress, state: await engine.read() }, checkpointFiles(run));
  options.reporter.note(`starting from ${base.name} (weights sha256 ${base.sha256.slice(0, 12)}…)`);
}

/** Brings a file of the run to its present content: settings that the resumed run changes, a file that was damaged. */
async function writeIfOther(path: string, content: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present !== content) await writeFileWhole(path, content, places.run);
}

/** Loads the newest whole checkpoint into the engine. @returns undefined where there is none yet */
async function restore(run: Run): Promise<Progress | undefined> {
  const { engine, folder, config, options } = run;
  const sameModel = ({ model }: Progress): void => {
    for (const [key, value] of Object.entries(model)) {
      if (config.model[key as keyof typeof config.model] !== value)
        throw new ConfigError([startup.modelChanged(config, key as 'd_model', value)]);
    }
  };
  const onDamaged = (message: string): void => options.warn(`${message}; going back to an earlier checkpoint`);
  const checkpoint = await latestCheckpoint(join(folder, 'checkpoints'), engine.layout, sameModel, onDamaged);
  if (!checkpoint) return undefined;
  const { progress, state, files } = (await beforeDecay(run, checkpoint.progress)) ?? checkpoint;
  await engine.load(state);
  const pseudo = files[PSEUDO_FILE];
  if (pseudo) {
    run.pseudo = JSON.parse(pseudo.toString('utf8')) as PseudoData;
    run.stages.addUnits(storedUnits(run.pseudo));
    await options.lead?.add(run.pseudo);
  }
  return { ...progress, seed: config.seed };
}

/**
 * The checkpoint at which the decay of the learning rate began, if the plan now lets it begin later; the decayed ones are removed.
 * @returns undefined if the run goes on from where it is
 */
async function beforeDecay(
  { engine, folder, config, stages, options }: Run,
  { step, decay_start: start }: Progress,
): Promise<Checkpoint | undefined> {
  const next = config.training.scheduler === 'constant' ? Infinity : stages.decayStart;
  if (start === undefined || step <= start || next === undefined || next <= start) return undefined;
  const checkpoints = join(folder, 'checkpoints');
  const when = next === Infinity ? 'no longer' : `at step ${next}`;
  const because = `the learning rate decays ${when} in this plan, and the checkpoint of step ${step} has decayed since step ${start}`;
  const checkpoint = await loadCheckpoint(checkpoints, start, engine.layout).catch(() => undefined);
  if (!checkpoint) {
    options.warn(`${because}; the checkpoint of step ${start} is gone or damaged, so the run goes on from the decayed weights`);
    return undefined;
  }
  options.reporter.note(`${because}; going back to the checkpoint of step ${start}, and removing the later ones`);
  await removeLater(checkpoints, start);
  return checkpoint;
}
