import { ConfigError, formatIssue, isSetIn, resolvedYaml, startup, valuesByKey, warmupSteps } from '@mdiff/config';
import type { Difference, Issue, ProjectConfig } from '@mdiff/config';
import { describeSetting, describeTimes, engines, sameBits } from '@mdiff/engine';
import type { Engine, SettingSelection, StepEngine } from '@mdiff/engine';
import { closing } from '@mdiff/folder';
import { sha256 } from '@mdiff/folder/node';
import type { BaseModel } from '@mdiff/folder/node';
import { prepare } from '@mdiff/prepare';
import type { Prepared } from '@mdiff/prepare';
import { showBase } from './before.js';
import type { Progress } from './checkpoint.js';
import type { TrainOptions } from './options.js';
import { measurePlan } from './plan.js';
import type { MeasuredPlan } from './plan.js';
import type { PseudoData } from './pseudo.js';
import { writeRecord } from './record.js';
import type { EarlierRun, Fingerprint, RunRecord } from './record.js';
import { checkText, movesEnd, ownTokenizer } from './resume.js';
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
  /** the differences of a resumed run from the configuration that it began with */
  changes: readonly Difference[];
  /** `performance.now()` when the run began */
  started: number;
}

/** A run whose text is prepared and whose engine is open. */
export interface Run extends Omit<Locked, 'changes'> {
  prepared: Prepared;
  stages: Stages;
  engine: StepEngine;
  tokenizerJson: string;
  resolvedYaml: string;
  fingerprint: Fingerprint;
  /** of an average step and of one pass over the held-out text, as the plan measured them */
  seconds?: { step: number; pass: number };
  /** units that the model wrote for the last stage, once it has begun */
  pseudo?: PseudoData;
}

/** Prepares the text and opens the engine. */
export async function open({ asked, config: fitted, selection, options, folder, earlier, base, changes, started }: Locked): Promise<Run> {
  const { reporter, warn } = options;
  const { setting, times } = selection;
  reporter.phase(
    'engine',
    `${describeSetting(setting)}${options.lead ? `, on each of ${options.lead.ranks} ranks` : ''}${times ? ` (a training step of this network's width here: ${describeTimes(times)})` : ''}`,
  );
  // Records of earlier releases name no engine.
  const record = earlier?.record;
  if (record?.engine !== undefined && !sameBits(record, setting)) {
    reporter.note(
      `until step ${record.step} this run was on ${describeSetting(record)}: the following steps continue it up to rounding, not to the bit`,
    );
  }
  if (changes.length > 0) reporter.note(`changed from here on: ${changes.map(describeChange).join(', ')}`);
  const entries: string[] = [];
  const prepared = await prepare(fitted, reporter, {
    ...(options.lead && { helpers: options.lead.helpers, onEntry: (path) => entries.push(path) }),
    ...(earlier && { tokenizerJson: await ownTokenizer(folder, earlier), onText: (text) => checkText(fitted, text, earlier) }),
    signal: options.signal,
  });
  const { tokenizer } = prepared;
  // The model gets exactly the tokenizer's rows, however many were asked for.
  const unplanned = fitted.model.vocab_size === tokenizer.vocabSize ? fitted : fitted.with({ model: { vocab_size: tokenizer.vocabSize } });
  if (base) await showBase(base, { config: unplanned, prepared, options });
  reporter.phase('compiling', 'the training step');
  const tokenizerJson = `${JSON.stringify(tokenizer.toJson())}\n`;
  await options.lead?.begin({ config: unplanned, setting, tokenizerJson, prepared, entries });
  const own = await openEngine(unplanned, selection);
  const engine = options.lead?.lead(own, unplanned) ?? own;
  const ranks = ranksOf(options, earlier);
  if (earlier) noteRanks(unplanned, ranks, options);
  const { planned, config, stages } = await withPlan({
    config: unplanned,
    engine,
    prepared,
    ranks,
    options,
    earlier,
    changes,
    started,
  }).catch((error: unknown) =>
    closing(engine, () => {
      throw error;
    }),
  );
  for (const issue of [...prepared.notices, ...notices(config, fitted, stages)]) warn(formatIssue(issue));
  return {
    asked,
    config,
    selection,
    options,
    folder,
    base,
    earlier,
    prepared,
    stages,
    engine,
    started,
    ...(planned?.seconds && { seconds: planned.seconds }),
    tokenizerJson,
    fingerprint: {
      text: prepared.text,
      tokenizer: { size: tokenizer.vocabSize, sha256: sha256(tokenizerJson) },
      plan: { steps: stages.steps, stages: [...stages.list], ...(planned?.measured && { measured: planned.measured }) },
      seed: config.seed,
      ...(ranks > 1 && { ranks }),
      config: valuesByKey(config),
      ...(earlier ? earlier.fingerprint?.adapted && { adapted: earlier.fingerprint.adapted } : adaptedFrom(asked, config)),
    },
    resolvedYaml: resolvedYaml(config, { tokenizer_size: tokenizer.vocabSize, engine: setting.engine }),
  };
}

const describeChange = ({ key, asked, recorded, where }: Difference): string =>
  key === 'curriculum.stages' ? `${key} (${where})` : `${key} to ${JSON.stringify(asked)} (${where}) from ${JSON.stringify(recorded)}`;

/** Refuses a plan that ends before the steps that the run has behind it, and says that the end has moved. */
function checkEnd(
  config: ProjectConfig,
  { steps }: Stages,
  { earlier, changes, reporter }: Pick<Locked, 'changes'> & { earlier: EarlierRun; reporter: TrainOptions['reporter'] },
): void {
  const change = changes.find(movesEnd);
  if (change === undefined) return;
  const { step, record } = earlier;
  if (steps < step) throw new ConfigError([{ ...startup.endsTooEarly(config, change.key, { step, steps }), where: change.where }]);
  if (record && steps !== record.steps) reporter.note(`this run now ends at step ${steps}, not at ${record.steps}`);
}

/** The ranks whose batches make a step: those that the run began with, so that a step stays as it is on another number of them. */
const ranksOf = ({ lead }: TrainOptions, earlier: EarlierRun | undefined): number =>
  earlier ? (earlier.fingerprint?.ranks ?? 1) : (lead?.ranks ?? 1);

/** Says how a resumed run is shared, if by another number of ranks than it began with. */
function noteRanks(
  { training: { gradient_accumulation_steps: each } }: ProjectConfig,
  began: number,
  { lead, reporter }: TrainOptions,
): void {
  const ranks = lead?.ranks ?? 1;
  if (ranks === began) return;
  const batches = began * each;
  const idle = ranks > batches ? `; ${ranks - batches} of the ranks have nothing to do` : '';
  reporter.note(
    `this run began on ${began} ${began === 1 ? 'rank' : 'ranks'} with ${batches} ${batches === 1 ? 'batch' : 'batches'} a step: a step stays as it is, and ${ranks} ${ranks === 1 ? 'rank computes' : 'ranks share'} it${idle}`,
  );
}

type Planning = Pick<Locked, 'config' | 'options' | 'earlier' | 'changes' | 'started'> &
  Pick<Run, 'engine' | 'prepared'> & { ranks: number };

/** The configuration and stages of a run, of the steps that fit in `training.max_minutes` if it is set: of a resumed run the recorded ones. */
async function withPlan({
  config: unplanned,
  engine,
  prepared,
  ranks,
  options: { lead, reporter, signal },
  earlier,
  changes,
  started,
}: Planning): Promise<{ planned: MeasuredPlan | undefined; config: ProjectConfig; stages: Stages }> {
  const measure = async (minutes: number): Promise<MeasuredPlan> => {
    await lead?.plan(unplanned, ranks);
    const stages = stagesOf(unplanned, prepared, ranks);
    return measurePlan({ config: unplanned, stages, engine, heldOut: prepared.heldOut, minutes, started, reporter, signal });
  };
  const { max_minutes: minutes } = unplanned.training;
  // A new end of a resumed run is one that the user gave in steps.
  const planned = minutes === null || changes.some(movesEnd) ? undefined : (recordedPlan(earlier, reporter) ?? (await measure(minutes)));
  const config = planned ? unplanned.with({ training: { max_steps: planned.steps } }) : unplanned;
  const stages = stagesOf(config, prepared, ranks);
  await lead?.plan(config, ranks);
  if (earlier) checkEnd(config, stages, { earlier, changes, reporter });
  return { planned, config, stages };
}

/** The steps of a resumed run that were measured when it began. */
function recordedPlan(earlier: EarlierRun | undefined, reporter: TrainOptions['reporter']): MeasuredPlan | undefined {
  const recorded = earlier?.fingerprint?.plan;
  if (!recorded?.measured) return undefined;
  reporter.note(`keeping the plan of this run: ${recorded.steps} steps, measured to fit in ${recorded.measured.minutes} minutes`);
  return recorded;
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

/** Opens the engine of this process. */
export function openEngine(
  { model, training, seed }: ProjectConfig,
  { setting, tensorflow }: Pick<SettingSelection, 'setting' | 'tensorflow'>,
): Promise<Engine> {
  return engines[setting.engine]!({
    model,
    threads: setting.threads,
    labelSmoothing: training.label_smoothing,
    checkpointing: training.use_gradient_checkpointing,
    seed,
    device: setting.device,
    mixedPrecision: setting.precision === 'bfloat16',
    ...(setting.products && { products: setting.products }),
    ...(tensorflow && { tensorflow }),
  });
}

/** Writes the present state to `run.json`. */
export const recordRun = (
  { folder, stages, fingerprint, selection: { setting } }: Run,
  { step, left_out = 0, seconds, spent, base }: Progress,
  state: RunRecord['state'],
): Promise<void> =>
  writeRecord(folder, {
    state,
    step: step - left_out,
    steps: stages.steps,
    left_out,
    seconds,
    ...(spent && { spent }),
    ...setting,
    ...fingerprint,
    ...(base && { base }),
  });
