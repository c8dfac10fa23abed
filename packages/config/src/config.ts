import { mustBe, mustKnow } from '@mdiff/arguments';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the condition `browser` decides which file this is
import { environment, fileExists, readText, writeText } from '#files';
import { ConfigError, issueAt, type Issue } from './checks/issue.js';
import { shown } from './checks/words.js';
import { readLayer, type Entries, type Source } from './document/layer.js';
import { sections, type SectionName } from './sections/keys.js';
import { codeSource, entriesOf, judge, makeSection, projectRecord, stackOf, stageRecord } from './document/record.js';
import { resolvedSources } from './document/resolved.js';
import { saveText, type Origin } from './document/save.js';
import type { Env } from './document/scalars.js';
import {
  envSource,
  extendSources,
  fileSources,
  patchEntry,
  presetSources,
  setSource,
  type Context,
  type Reader,
  type FlagSetting,
} from './document/sources.js';
import { merge, type Stack, type View } from './document/stack.js';
import { standardSchema } from './document/standard.js';
import type {
  CurriculumConfig,
  CurriculumDerived,
  CurriculumInput,
  DataConfig,
  DataDerived,
  DataInput,
  GenerationConfig,
  GenerationInput,
  HardwareConfig,
  HardwareInput,
  ModelConfig,
  ModelDerived,
  ModelInput,
  ProjectConfig as ProjectConfigType,
  ProjectInput,
  StageConfig,
  StageDerived,
  TokenizerConfig,
  TokenizerInput,
  TrainingConfig,
  TrainingDerived,
  TrainingInput,
} from './sections/types.js';

/** Layers beside the text itself. */
export interface LoadOptions {
  /** A preset under the file, as `--preset` gives it. */
  preset?: string;
  /** `key.path=value`, as `--set` gives them, and values of flags that stand for a key. */
  set?: readonly (string | FlagSetting)[];
  /** Variables for `MDIFF__…` and `${env:…}`. */
  env?: Env;
  /** A layer just above the defaults, e.g. a model folder's `generation_config.json`. */
  base?: ProjectInput;
  /** A layer above all others: the shape of a model folder. */
  overrides?: ProjectInput;
}

/** The options of loadProject. */
const LOADING: Record<keyof LoadOptions | 'file' | 'cwd' | 'strict' | 'checksMemory', true> = {
  preset: true,
  set: true,
  env: true,
  base: true,
  overrides: true,
  file: true,
  cwd: true,
  strict: true,
  checksMemory: true,
};

const noFiles: Reader = () => ({ problem: 'a preset name (this text was given without a reader of files)' });
/** A validated, deeply frozen configuration. Enumerable properties are the canonical keys; the rest is derived. */
export type ProjectConfig = ProjectConfigType;

const hasError = (issues: readonly Issue[]): boolean => issues.some((issue) => issue.severity === 'error');

function build(stack: Stack, origin: Origin | undefined, notes: readonly Issue[]): ProjectConfig {
  const methods = {
    validate: () => judge({ stack, bad: new Set() }, notes),
    with: (changes: ProjectInput) => change(self, changes, origin),
    toYaml: () => saveText(self, origin),
    saveYaml: (path: string) => writeText(path, saveText(self, origin)),
  };
  const self = projectRecord(stack, methods, notes) as ProjectConfig;
  return self;
}

/** Issues of values from code that are no map at all: a body of `null`, a text, a list. */
function notAMap(input: unknown, where: string): Issue[] {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return [];
  return [issueAt({ where }, '(values)', { code: 'SCHEMA', expected: 'a map', got: shown(input) })];
}

/** Sections may be records made by `modelConfig` and the like: only what was set in them counts. */
function codeLayers(input: ProjectInput, ctx: Context, where = 'code'): { layers: Entries[]; found: Issue[]; bad: Set<string> } {
  const wrong = notAMap(input, where);
  if (wrong.length > 0) throw new ConfigError(wrong);
  const known = sections.filter((name) => typeof input[name] === 'object' && input[name] !== null && stackOf(input[name]) !== undefined);
  const rest = Object.fromEntries(Object.entries(input).filter(([word]) => !known.includes(word as SectionName)));
  const source = codeSource(rest, 'code', where);
  const reads = [...extendSources(input.extends, source.at, '', [], ctx), source].map((item) => readLayer(item));
  reads.push(...known.map((name) => entriesOf(name, input[name]!)));
  return {
    layers: reads.map((read) => read.entries),
    found: reads.flatMap((read) => read.found),
    bad: new Set(reads.flatMap((read) => [...read.bad])),
  };
}

function finish(view: View, found: readonly Issue[], origin?: Origin): ProjectConfig {
  const issues = judge(view, found);
  if (hasError(issues)) throw new ConfigError(issues);
  return build(
    view.stack,
    origin,
    found.filter(({ severity }) => severity === 'warning'),
  );
}

function change(config: ProjectConfig, changes: ProjectInput, origin: Origin | undefined): ProjectConfig {
  const ctx: Context = { env: {}, read: readText, issues: [] };
  const { layers, found, bad } = codeLayers(changes, ctx);
  return finish({ stack: merge(layers, stackOf(config)), bad }, [...ctx.issues, ...found], origin);
}

/** Checks plain values; every key is optional. Sections may come from `modelConfig()`, a preset function, and so on. @throws ConfigError */
export function projectConfig(input: ProjectInput = {}): ProjectConfig {
  const ctx: Context = { env: {}, read: readText, issues: [] };
  const { layers, found, bad } = codeLayers(input, ctx);
  return finish({ stack: merge(layers), bad }, [...ctx.issues, ...found]);
}

/** All layers of docs/configuration-specification.md, section 5.1, lowest first. */
function assemble(
  given: { text: string; file: string } | undefined,
  options: LoadOptions,
  read: Reader,
  presetPlace = '--preset',
): ProjectConfig {
  const ctx: Context = { env: options.env ?? {}, read, issues: [] };
  const sources: Source[] = [];
  if (options.base) sources.push(codeSource(options.base, 'preset', 'model folder'));
  if (options.preset !== undefined) sources.push(...presetSources(options.preset, { where: presetPlace }, 'extends', ctx));
  const file = given && fileSources(given.text, given.file, [], ctx);
  if (file) sources.push(...file.sources);
  // A text that cannot be parsed is reported alone: errors that follow from it would mislead.
  if (ctx.issues.some((issue) => issue.code === 'YAML')) throw new ConfigError(judge({ stack: merge([]), bad: new Set() }, ctx.issues, []));
  sources.push(envSource(ctx.env, ctx.issues));
  const { source, patches } = setSource(options.set ?? [], ctx.issues);
  const reads = [...sources, source].map((item) => readLayer(item));
  const bad = new Set(reads.flatMap((item) => [...item.bad]));
  const layers = reads.map((item) => item.entries);
  const key = 'curriculum.stages';
  if (patches.length > 0 && ![...bad].some((path) => path.startsWith(key))) {
    const base = merge(layers).get(key)!.at(-1)!;
    layers.push(new Map([[key, patchEntry(base, key, patches, ctx.issues, bad)]]));
  }
  if (options.overrides) {
    const over = codeLayers(options.overrides, ctx, 'model folder');
    layers.push(...over.layers);
    reads.push(...over.layers.map((entries) => ({ entries, found: [], bad: new Set<string>() })));
    ctx.issues.push(...over.found);
    for (const path of over.bad) bad.add(path);
  }
  const origin = given && file?.tree ? { text: given.text, file: given.file, env: ctx.env, read, preset: options.preset } : undefined;
  return finish({ stack: merge(layers), bad }, [...ctx.issues, ...reads.flatMap((item) => item.found)], origin);
}

function parse(text: string, options: LoadOptions & { file?: string; read?: Reader } = {}): ProjectConfig {
  mustBe('ProjectConfig.parse', 'text', text, 'string');
  mustBe('ProjectConfig.parse', 'options', options, 'object');
  return assemble({ text, file: options.file ?? 'config.yaml' }, options, options.read ?? noFiles);
}

function resolved(text: string, file: string): ProjectConfig {
  mustBe('ProjectConfig.resolved', 'text', text, 'string');
  const issues: Issue[] = [];
  const reads = resolvedSources(text, file, issues).map((source) => readLayer(source));
  return finish({ stack: merge(reads.map((read) => read.entries)), bad: new Set(reads.flatMap((read) => [...read.bad])) }, [
    ...issues,
    ...reads.flatMap((read) => read.found),
  ]);
}

function unreadable(file: string, problem: string): ConfigError {
  return new ConfigError([
    {
      code: 'YAML',
      severity: 'error',
      where: file,
      path: '(yaml)',
      message: `expected ${problem}, got "${file}"`,
      expected: problem,
      got: `"${file}"`,
    },
  ]);
}

function fromYaml(path: string, options: LoadOptions & { cwd?: string } = {}): ProjectConfig {
  mustBe('ProjectConfig.fromYaml', 'path', path, 'string');
  mustBe('ProjectConfig.fromYaml', 'options', options, 'object');
  const read: Reader = (name) => readText(name, options.cwd);
  const found = read(path);
  if ('problem' in found) throw unreadable(path, found.problem);
  return assemble({ text: found.text, file: path }, { ...options, env: options.env ?? environment() }, read);
}

/** Makers of a whole configuration. */
export const ProjectConfig = {
  /** Reads a file; the environment counts. Synchronous. @throws ConfigError with every error at once */
  fromYaml,
  /** The same from text, anywhere; the environment counts only if given. @throws ConfigError */
  parse,
  /** The configuration of a run from the text of its `config.resolved.yaml`: each value keeps its origin. @throws ConfigError */
  resolved,
  /** Every key at its default. */
  default: (): ProjectConfig => projectConfig({}),
  /** A preset by name, e.g. `quickstart`. @throws ConfigError for an unknown name */
  preset: (name: string): ProjectConfig => {
    mustBe('ProjectConfig.preset', 'name', name, 'string');
    return assemble(undefined, { preset: name }, noFiles, 'code');
  },
  /** [Standard Schema](https://standardschema.dev) 1: tools that take such a schema check a configuration with it. */
  '~standard': standardSchema((value) => projectConfig(value as ProjectInput)),
} as const;

/**
 * Loads the configuration of a command: `file`, else `mdiff.yaml` in `cwd` (not if `file` is false), else `base` or the quickstart preset; then environment
 * and `--set`. With `strict`, a warning is an error. With `checksMemory`, W4 is left out: the command knows its engine and says S6.
 * @throws ConfigError
 */
export function loadProject(
  options: LoadOptions & { file?: string | false; cwd?: string; strict?: boolean; checksMemory?: boolean } = {},
): {
  config: ProjectConfig;
  warnings: Issue[];
  source: string;
} {
  mustBe('loadProject', 'options', options, 'object');
  mustKnow('loadProject', options, LOADING);
  const { file, cwd = '.', strict = false, checksMemory = false, ...layers } = options;
  const env = layers.env ?? environment();
  const path = file === false ? undefined : (file ?? (fileExists('mdiff.yaml', cwd) ? 'mdiff.yaml' : undefined));
  const read: Reader = (name) => readText(name, cwd);
  const preset = layers.preset ?? (path === undefined && layers.base === undefined ? 'quickstart' : undefined);
  const found = path === undefined ? undefined : read(path);
  if (found && 'problem' in found) throw unreadable(path!, found.problem);
  const config = assemble(
    found && { text: found.text, file: path! },
    { ...layers, env, ...(preset === undefined ? {} : { preset }) },
    read,
    layers.preset === undefined ? `preset ${preset}` : '--preset',
  );
  const named = preset === undefined ? '' : `preset ${preset}`;
  const source = path ? (named ? `${path} over ${named}` : path) : layers.preset ? named : `no mdiff.yaml here: using ${named}`;
  const warnings = config.validate().filter(({ code }) => !checksMemory || code !== 'W4');
  if (strict && warnings.length > 0) throw new ConfigError(warnings.map((issue) => ({ ...issue, severity: 'error' })));
  return { config, warnings, source };
}

export const modelConfig = (input: ModelInput = {}) => makeSection('model', input) as ModelConfig & ModelDerived;
export const trainingConfig = (input: TrainingInput = {}) => makeSection('training', input) as TrainingConfig & TrainingDerived;
export const curriculumConfig = (input: CurriculumInput = {}) => makeSection('curriculum', input) as CurriculumConfig & CurriculumDerived;
export const generationConfig = (input: GenerationInput = {}) =>
  makeSection('generation', input) as GenerationConfig & { validate(): Issue[] };
export const dataConfig = (input: DataInput = {}) => makeSection('data', input) as DataConfig & DataDerived;
export const hardwareConfig = (input: HardwareInput = {}) => makeSection('hardware', input) as HardwareConfig & { validate(): Issue[] };
export const tokenizerConfig = (input: TokenizerInput = {}) => makeSection('tokenizer', input) as TokenizerConfig & { validate(): Issue[] };

/** One stage. @throws ConfigError */
export function stageConfig(input: StageConfig): StageConfig & StageDerived {
  try {
    makeSection('curriculum', { stages: [input] });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.issues.map((issue) => ({ ...issue, path: issue.path.replace('curriculum.stages[0]', 'stage') })));
  }
  return stageRecord(input) as StageConfig & StageDerived;
}
