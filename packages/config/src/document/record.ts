import { sections, type SectionName } from '../sections/keys.js';
import { readLayer, type Entries, type Source } from './layer.js';
import { ConfigError, type Issue } from '../checks/issue.js';
import { paramCount, paramCountExact } from '../formulas/params.js';
import { effectiveBatchSize, getStageByEpoch, getStageByName, stageNames, totalEpochs, valBatchSizeActual } from '../formulas/derived.js';
import { errorRules, runRules } from '../checks/rules.js';
import { inOrder, merge, type Stack, type View } from './stack.js';
import type { CurriculumConfig, HardwareConfig, ModelConfig, ProjectValues, StageConfig, TrainingConfig } from '../sections/types.js';
import { warningRules } from '../checks/warnings.js';

/** The origin of a frozen record's values: with it mdiff checks, explains and merges the record again later. */
const stacks = new WeakMap<object, Stack>();

const atCode = () => ({ where: 'code' });
export const codeSource = (data: unknown, kind: Source['kind'] = 'code', where = 'code'): Source => ({
  kind,
  data,
  at: where === 'code' ? atCode : () => ({ where }),
});

/** Warnings about the sources of a record, which its values no longer show. */
const notes = new WeakMap<object, readonly Issue[]>();
export const notesOf = (record: object): readonly Issue[] => notes.get(record) ?? [];

/** The stack behind a record made here; undefined for other objects. */
export const stackOf = (record: object): Stack | undefined => stacks.get(record);

/** Derived values and methods: readable, and invisible to JSON, YAML and spreading. */
interface Extras {
  values: Record<string, () => unknown>;
  methods: Record<string, (...args: never[]) => unknown>;
}

function hide(record: object, { values, methods }: Extras): void {
  for (const [word, get] of Object.entries(values)) Object.defineProperty(record, word, { get });
  for (const [word, value] of Object.entries(methods)) Object.defineProperty(record, word, { value });
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy = Array.isArray(value)
    ? value.map(freeze)
    : Object.fromEntries(Object.entries(value).map(([word, item]) => [word, freeze(item)]));
  return Object.freeze(copy);
}

export function stageRecord(values: StageConfig): StageConfig {
  const [min, max] = values.masking_rate_range;
  const stage = { ...values, masking_rate_range: Object.freeze([min, max] as const) };
  hide(stage, { values: { masking_rate_min: () => min, masking_rate_max: () => max }, methods: {} });
  return Object.freeze(stage);
}

const top = (stack: Stack, key: string): unknown => stack.get(key)!.at(-1)!.value;

function extras(name: SectionName, record: object, stack: Stack): Extras {
  const validate = () => validateSection(name, record);
  if (name === 'model') {
    const model = record as ModelConfig;
    return { values: { param_count: () => paramCount(model), param_count_exact: () => paramCountExact(model) }, methods: { validate } };
  }
  if (name === 'training') {
    const training = record as TrainingConfig;
    return {
      values: {
        grad_clip_norm: () => training.max_grad_norm,
        effective_batch_size: () => effectiveBatchSize(training),
        val_batch_size_actual: () => valBatchSizeActual(training),
      },
      methods: { validate: (model?: ModelConfig, hardware?: HardwareConfig) => validateTraining(training, model, hardware) },
    };
  }
  if (name === 'curriculum') {
    const curriculum = record as CurriculumConfig;
    return {
      values: { total_epochs: () => totalEpochs(curriculum), stage_names: () => Object.freeze(stageNames(curriculum)) },
      methods: {
        validate,
        getStageByName: (wanted: string) => getStageByName(curriculum, wanted),
        getStageByEpoch: (epoch: number) => getStageByEpoch(curriculum, epoch),
      },
    };
  }
  if (name === 'data') {
    const weights = Object.freeze({
      lexical: top(stack, 'curriculum.lexical_weight'),
      syntactic: top(stack, 'curriculum.syntactic_weight'),
      centrality: top(stack, 'curriculum.centrality_weight'),
    });
    return { values: { complexity_weights: () => weights }, methods: { validate } };
  }
  return { values: {}, methods: { validate } };
}

/** The frozen record of one section. */
export function sectionRecord(name: SectionName, stack: Stack): object {
  const record: Record<string, unknown> = {};
  for (const key of stack.keys()) {
    if (!key.startsWith(`${name}.`)) continue;
    const value = top(stack, key);
    record[key.slice(name.length + 1)] =
      key === 'curriculum.stages' ? Object.freeze((value as StageConfig[]).map(stageRecord)) : freeze(value);
  }
  hide(record, extras(name, record, stack));
  stacks.set(record, stack);
  return Object.freeze(record);
}

/** The frozen record of a whole project, `methods` being non-enumerable. `warnings` are those about its sources. */
export function projectRecord(stack: Stack, methods: Extras['methods'], warnings: readonly Issue[] = []): ProjectValues {
  const record: Record<string, unknown> = {};
  for (const key of stack.keys()) if (!key.includes('.')) record[key] = freeze(top(stack, key));
  for (const name of sections) record[name] = sectionRecord(name, stack);
  hide(record, {
    values: {
      mixed_precision: () => top(stack, 'training.use_mixed_precision'),
      gradient_checkpointing: () => top(stack, 'training.use_gradient_checkpointing'),
    },
    methods,
  });
  stacks.set(record, stack);
  notes.set(record, warnings);
  return Object.freeze(record) as unknown as ProjectValues;
}

/** Errors of the schema and the rules together; warnings only when there is none. */
export function judge(view: View, found: readonly Issue[] = [], scope?: readonly SectionName[], strictRules = errorRules): Issue[] {
  const errors = [...found.filter(({ severity }) => severity === 'error'), ...runRules(strictRules, view, scope)];
  const warnings = found.filter(({ severity }) => severity === 'warning');
  return inOrder(errors.length > 0 ? errors : [...warnings, ...runRules(warningRules, view, scope)]);
}

/** The layer a section argument stands for: only what was set, when it is a record made here. */
export function entriesOf(name: SectionName, record: object): { entries: Entries; found: Issue[]; bad: Set<string> } {
  const stack = stacks.get(record);
  if (stack === undefined) return readLayer(codeSource({ [name]: record }));
  const entries: Entries = new Map();
  for (const [key, given] of stack) if (key.startsWith(`${name}.`) && given.length > 1) entries.set(key, given.at(-1)!);
  return { entries, found: [], bad: new Set() };
}

/** Errors and warnings of some sections, each a plain record or one made here. */
function check(parts: Partial<Record<SectionName, object>>): Issue[] {
  const layers = Object.entries(parts).map(([name, record]) => entriesOf(name as SectionName, record));
  const view: View = { stack: merge(layers.map((layer) => layer.entries)), bad: new Set(layers.flatMap((layer) => [...layer.bad])) };
  return judge(
    view,
    layers.flatMap((layer) => layer.found),
    Object.keys(parts) as SectionName[],
  );
}

/** Errors and warnings of one section. */
const validateSection = (name: SectionName, record: object): Issue[] => check({ [name]: record });

/** With a model, the memory estimate too, for `hardware` or the default budget. */
function validateTraining(training: TrainingConfig, model?: ModelConfig, hardware?: HardwareConfig): Issue[] {
  return check({ training, ...(model ? { model, hardware: hardware ?? {} } : {}) });
}

/** Fills defaults, validates and freezes one section. @throws ConfigError */
export function makeSection(name: SectionName, input: object): object {
  const layer = readLayer(codeSource({ [name]: input }));
  const view: View = { stack: merge([layer.entries]), bad: layer.bad };
  const issues = judge(view, layer.found, [name]);
  if (issues.some((issue) => issue.severity === 'error')) throw new ConfigError(issues);
  return sectionRecord(name, view.stack);
}
