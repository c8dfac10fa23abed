import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatIssue, isSetIn, resolvedYaml, startup, warmupSteps } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import { describeSetting, engines, sameBits } from '@mdiff/engine';
import type { Engine, SettingSelection } from '@mdiff/engine';
import { prepare } from '@mdiff/prepare';
import type { Prepared } from '@mdiff/prepare';
import type { Progress } from './checkpoint.js';
import type { TrainOptions } from './options.js';
import { writeRecord } from './record.js';
import type { EarlierRun, RunRecord } from './record.js';
import { stagesOf } from './stages.js';
import type { Stages } from './stages.js';

/** A run whose folder is locked. */
export interface Locked {
  config: ProjectConfig;
  selection: SettingSelection;
  options: TrainOptions;
  folder: string;
  /** the run that is resumed */
  earlier: EarlierRun | undefined;
}

/** A run whose text is prepared and whose engine is open. */
export interface Run extends Omit<Locked, 'earlier'> {
  prepared: Prepared;
  stages: Stages;
  engine: Engine;
  tokenizerJson: string;
  resolvedYaml: string;
}

/** Prepares the text and opens the engine. */
export async function open({ config: asked, selection, options, folder, earlier }: Locked): Promise<Run> {
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
  await mkdir(folder, { recursive: true });
  const savedTokenizer = earlier && (await readFile(join(folder, 'tokenizer.json'), 'utf8').catch(() => undefined));
  const prepared = await prepare(asked, reporter, savedTokenizer, options.signal);
  const { tokenizer } = prepared;
  // The model gets exactly the tokenizer's rows, however many were asked for.
  const config = asked.model.vocab_size === tokenizer.vocabSize ? asked : asked.with({ model: { vocab_size: tokenizer.vocabSize } });
  const stages = stagesOf(config, prepared);
  for (const issue of [...prepared.notices, ...notices(config, asked, stages)]) warn(formatIssue(issue));
  reporter.phase('compiling', 'the training step');
  return {
    config,
    selection,
    options,
    folder,
    prepared,
    stages,
    engine: await openEngine(config, selection),
    tokenizerJson: `${JSON.stringify(tokenizer.toJson())}\n`,
    resolvedYaml: resolvedYaml(config, { tokenizer_size: tokenizer.vocabSize, engine: setting.engine }),
  };
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
  { folder, stages, selection: { setting } }: Run,
  { step, seconds }: Progress,
  state: RunRecord['state'],
): Promise<void> => writeRecord(folder, { state, step, steps: stages.steps, seconds, ...setting });
