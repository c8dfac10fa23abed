import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatIssue, isSetIn, resolvedYaml, startup, valuesByKey, warmupSteps } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import { describeSetting, engines, sameBits } from '@mdiff/engine';
import type { Engine, SettingSelection } from '@mdiff/engine';
import { sha256 } from '@mdiff/folder/node';
import type { BaseModel } from '@mdiff/folder/node';
import { prepare } from '@mdiff/prepare';
import type { Prepared } from '@mdiff/prepare';
import type { Progress } from './checkpoint.js';
import type { TrainOptions } from './options.js';
import { writeRecord } from './record.js';
import type { EarlierRun, Fingerprint, RunRecord } from './record.js';
import { stagesOf } from './stages.js';
import type { Stages } from './stages.js';

/** A run whose folder is locked. */
export interface Locked {
  /** the configuration that the user gave */
  asked: ProjectConfig;
  /** that configuration, adapted to the memory of the machine */
  config: ProjectConfig;
  selection: SettingSelection;
  options: TrainOptions;
  folder: string;
  /** the run that is resumed */
  earlier: EarlierRun | undefined;
  /** the model to start from, unless a checkpoint stands for it */
  base: BaseModel | undefined;
}

/** A run whose text is prepared and whose engine is open. */
export interface Run extends Omit<Locked, 'earlier'> {
  prepared: Prepared;
  stages: Stages;
  engine: Engine;
  tokenizerJson: string;
  resolvedYaml: string;
  fingerprint: Fingerprint;
}

/** Prepares the text and opens the engine. */
export async function open({ asked, config: fitted, selection, options, folder, earlier, base }: Locked): Promise<Run> {
  const { reporter, warn } = options;
  const { setting } = selection;
  reporter.phase('engine', describeSetting(setting));
  // Records of earlier releases name no engine.
  const record = earlier?.record;
  if (record?.engine !== undefined && !sameBits(record, setting)) {
    reporter.note(
      `until step ${record.step} this run was on ${describeSetting(record)}: the following steps continue it up to rounding, not to the bit`,
    );
  }
  const savedTokenizer = earlier && (await readFile(join(folder, 'tokenizer.json'), 'utf8').catch(() => undefined));
  const prepared = await prepare(fitted, reporter, {
    ...(savedTokenizer !== undefined && { tokenizerJson: savedTokenizer }),
    signal: options.signal,
  });
  const { tokenizer } = prepared;
  // The model gets exactly the tokenizer's rows, however many were asked for.
  const config = fitted.model.vocab_size === tokenizer.vocabSize ? fitted : fitted.with({ model: { vocab_size: tokenizer.vocabSize } });
  const stages = stagesOf(config, prepared);
  for (const issue of [...prepared.notices, ...notices(config, fitted, stages)]) warn(formatIssue(issue));
  const tokenizerJson = `${JSON.stringify(tokenizer.toJson())}\n`;
  reporter.phase('compiling', 'the training step');
  return {
    asked,
    config,
    selection,
    options,
    folder,
    base,
    prepared,
    stages,
    engine: await openEngine(config, selection),
    tokenizerJson,
    fingerprint: {
      text: prepared.text,
      tokenizer: { size: tokenizer.vocabSize, sha256: sha256(tokenizerJson) },
      plan: { steps: stages.steps, stages: [...stages.list] },
      seed: config.seed,
      config: valuesByKey(config),
      ...adaptedFrom(asked, config),
    },
    resolvedYaml: resolvedYaml(config, { tokenizer_size: tokenizer.vocabSize, engine: setting.engine }),
  };
}

/** The values of `asked` that the run has adapted. */
function adaptedFrom(asked: ProjectConfig, config: ProjectConfig): Pick<Fingerprint, 'adapted'> {
  const values = valuesByKey(config);
  const adapted = Object.entries(valuesByKey(asked)).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(values[key]));
  return adapted.length > 0 ? { adapted: Object.fromEntries(adapted) } : {};
}

/** The differences between this run and its configuration. */
function notices(config: ProjectConfig, asked: ProjectConfig, { list }: Stages): Issue[] {
  const { training, model } = config;
  const issues: (Issue | undefined)[] = [
    model.vocab_size < asked.model.vocab_size ? startup.smallVocabulary(asked, model.vocab_size) : undefined,
    startup.noPinning(config),
    config.hardware.bytes_per_param === 2 ? startup.floatState(config) : undefined,
    ...list.map(({ name, steps }) => {
      const used = warmupSteps(training, steps);
      return used < training.warmup_steps && isSetIn(config, 'training.warmup_steps')
        ? startup.warmupClamped(config, name, steps, used)
        : undefined;
    }),
  ];
  return issues.filter((issue) => issue !== undefined);
}

function openEngine({ model, hardware, training, seed }: ProjectConfig, { setting, tensorflow }: SettingSelection): Promise<Engine> {
  return engines[setting.engine]!({
    model,
    threads: hardware.cpu_threads,
    labelSmoothing: training.label_smoothing,
    checkpointing: training.use_gradient_checkpointing,
    seed,
    device: setting.device,
    mixedPrecision: setting.precision === 'bfloat16',
    ...(tensorflow && { tensorflow }),
  });
}

/** Writes the present state to `run.json`. */
export const recordRun = (
  { folder, stages, fingerprint, selection: { setting } }: Run,
  { step, left_out = 0, seconds, base }: Progress,
  state: RunRecord['state'],
): Promise<void> =>
  writeRecord(folder, {
    state,
    step: step - left_out,
    steps: stages.steps,
    left_out,
    seconds,
    ...setting,
    ...fingerprint,
    ...(base && { base }),
  });
