import { mustBe } from '@mdiff/arguments';
import type { Finding, Issue } from './issue.js';
import { estimateMemory, fitBatch, type MemoryOptions } from '../formulas/memory.js';
import { judge, notesOf, stackOf } from '../document/record.js';
import { issueFor, seeKey, type View, valueOf } from '../document/stack.js';
import type { ProjectConfig } from '../sections/types.js';
import { advice, gigabytes, startHere } from './warnings.js';
import { quoted, shown } from './words.js';

// Issues that only a program at start-up can find: it knows the machine, the data and the tokenizer. The texts stand here, so that every app says the same.

const viewOf = (config: ProjectConfig): View => ({ stack: stackOf(config)!, bad: new Set() });

const error = (
  config: ProjectConfig,
  key: string,
  code: string,
  expected: string,
  got: string,
  more: Pick<Finding, 'hint' | 'see'> = {},
): Issue => issueFor(viewOf(config), key, { code, expected, got, ...more });

const notice = (config: ProjectConfig, key: string, code: string, text: string): Issue =>
  issueFor(viewOf(config), key, { code, severity: 'warning', text });

/** Errors and notices of start-up. Each is placed where its key was set; errors (S) end a command with exit code 2, notices (N) are said once. */
export const startup = {
  /** S1: the configuration sets a device that this machine lacks; `why` gives the reason. */
  deviceAbsent: (config: ProjectConfig, why?: string): Issue =>
    error(config, 'device', 'S1', 'an available device', quoted(config.device), {
      hint: `set device to "auto" or "cpu"${why === undefined ? '' : ` (${why})`}`,
    }),
  /** S2: the configuration sets an embedding model that this machine lacks. */
  embedderAbsent: (config: ProjectConfig): Issue =>
    error(
      config,
      'curriculum.embedding_model',
      'S2',
      'a local model folder or a provider (tfidf-svd)',
      quoted(config.curriculum.embedding_model),
      { hint: 'run "mdiff embeddings fetch" or set "tfidf-svd"' },
    ),
  /** S3: the loaded tokenizer has more ids than the model. */
  tokenizerTooLarge: (config: ProjectConfig, size: number): Issue =>
    error(config, 'model.vocab_size', 'S3', `at least the tokenizer's size (${size})`, `${config.model.vocab_size}`),
  /** S4: the loaded tokenizer has its mask elsewhere. */
  maskElsewhere: (config: ProjectConfig, id: number): Issue =>
    error(config, 'model.mask_token_id', 'S4', `${id} (the tokenizer's [MASK])`, `${config.model.mask_token_id}`),
  /** S5: no text at `data.source`. `remedy` names the package of a builtin text, or the path that mdiff tried. */
  sourceAbsent: (config: ProjectConfig, remedy: { install: string } | { path: string }): Issue =>
    error(config, 'data.source', 'S5', 'a readable text', quoted(config.data.source), {
      hint: 'install' in remedy ? `install ${remedy.install}` : `nothing at ${remedy.path}`,
    }),
  /** S6: the batch cannot fit; undefined when it does. */
  batchTooLarge: (config: ProjectConfig, options?: MemoryOptions): Issue | undefined => {
    const fit = fitBatch(config, options);
    if (fit.fits) return undefined;
    const limit = options?.limitBytes ?? Infinity;
    const here = limit < config.hardware.max_vram_gb * 1e9 ? `this machine or its container has ${gigabytes(limit)} GB; ` : '';
    const hint = `${here}${advice(fit)}${fit.batch_size === 0 ? '' : '; --fit applies this'}${startHere(viewOf(config))}`;
    return error(
      config,
      'training.batch_size',
      'S6',
      `a batch that fits ${gigabytes(fit.estimate.usable)} GB`,
      `an estimated ${gigabytes(fit.estimate.total)} GB`,
      { hint, see: seeKey(viewOf(config), 'hardware.max_vram_gb') },
    );
  },
  /** S7: a model key differs from the checkpoint's on resume. */
  modelChanged: (config: ProjectConfig, key: keyof ProjectConfig['model'] & string, saved: unknown): Issue =>
    error(config, `model.${key}`, 'S7', `${shown(saved)} (the checkpoint's value)`, shown(config.model[key])),
  /** S8: a key says otherwise than the model folder of `model.init_from`. */
  notTheBase: (config: ProjectConfig, key: string, expected: string): Issue =>
    error(config, key, 'S8', `${expected} (model.init_from ${quoted(config.model.init_from ?? '')})`, shown(valueOf(viewOf(config), key)), {
      hint: 'leave it out, or set model.init_from: null to start from random weights',
      see: seeKey(viewOf(config), 'model.init_from'),
    }),
  /** S9: a key that a resumed run keeps differs from the run's. */
  runDiffers: (config: ProjectConfig, key: string, recorded: string, asked: string): Issue =>
    error(config, key, 'S9', `${recorded} (this run's value)`, asked, { hint: 'leave it out to resume, or train a run of another name' }),
  /** S9: a resumed run would end before the steps that it has behind it. */
  endsTooEarly: (config: ProjectConfig, key: string, { step, steps }: { step: number; steps: number }): Issue =>
    error(config, key, 'S9', `a plan of at least the ${step} steps that this run has behind it`, `a plan of ${steps}`),
  /** N1; `where` when the device, not the engine, decides it */
  floatOnly: (config: ProjectConfig, engine: string, where?: string): Issue =>
    notice(
      config,
      'training.use_mixed_precision',
      'N1',
      `engine "${engine}" computes in float32${where === undefined ? '' : ` ${where}`}; mixed precision is not applied`,
    ),
  /** N1, where the machine could and it does not pay; `times` of the trials */
  mixedSlower: (config: ProjectConfig, engine: string, times: string): Issue =>
    notice(
      config,
      'training.use_mixed_precision',
      'N1',
      `engine "${engine}" computes in float32, because mixed precision is not faster here (a training step: ${times}); mixed precision is not applied`,
    ),
  /** N2 */
  deviceFallback: (config: ProjectConfig, used: string): Issue =>
    notice(config, 'device', 'N2', `"${config.device}" is not available, using "${used}"`),
  /** N3 */
  embedderFallback: (config: ProjectConfig): Issue =>
    notice(config, 'curriculum.embedding_model', 'N3', `"${config.curriculum.embedding_model}" is not on this machine, using "tfidf-svd"`),
  /** N4 */
  noCheckpointing: (config: ProjectConfig, engine: string, bytes: number): Issue =>
    notice(
      config,
      'training.use_gradient_checkpointing',
      'N4',
      `engine "${engine}" cannot recompute activations; memory estimate without it: ${gigabytes(bytes)} GB`,
    ),
  /** N5: only when `pin_memory` was set to true. */
  noPinning: (config: ProjectConfig): Issue | undefined =>
    config.training.pin_memory && viewOf(config).stack.get('training.pin_memory')!.length > 1
      ? notice(config, 'training.pin_memory', 'N5', 'has no effect in Node')
      : undefined,
  /** N6 */
  warmupClamped: (config: ProjectConfig, stage: string, steps: number, used: number): Issue =>
    notice(
      config,
      'training.warmup_steps',
      'N6',
      `${config.training.warmup_steps} exceeds 10% of stage "${stage}" (${steps} steps), uses ${used}`,
    ),
  /** N7 */
  smallVocabulary: (config: ProjectConfig, size: number): Issue =>
    notice(config, 'model.vocab_size', 'N7', `the tokenizer reached ${size} of ${config.model.vocab_size} ids; the model uses ${size}`),
  /** N8 */
  stepsClamped: (config: ProjectConfig, masks: number): Issue => notice(config, 'generation.num_steps', 'N8', `clamped to ${masks} masks`),
  /** N9 */
  clustersClamped: (config: ProjectConfig, units: number): Issue =>
    notice(config, 'curriculum.n_clusters', 'N9', `clamped to ${units} units`),
  /** N10 */
  floatState: (config: ProjectConfig): Issue =>
    notice(config, 'hardware.bytes_per_param', 'N10', 'training state is float32: the estimate is low'),
  /** N11 */
  nothingToFit: (config: ProjectConfig, options?: MemoryOptions): Issue => {
    const { total, usable } = estimateMemory(config, options);
    const text = `--fit changes nothing: a batch of ${config.training.batch_size} needs an estimated ${gigabytes(total)} GB of ${gigabytes(usable)} GB`;
    return notice(config, 'training.batch_size', 'N11', text);
  },
} as const;

/** Every warning of a configuration, with the memory estimate of the engine that would run here: the numbers of S6. */
export const validateHere = (config: ProjectConfig, memory: MemoryOptions | undefined): Issue[] => {
  mustBe('validateHere', 'config', config, 'object');
  return judge({ ...viewOf(config), memory }, notesOf(config));
};

/** True when a preset gives the value, and no one has set it since: nobody asked for it by name. */
export const isFromPreset = (config: ProjectConfig, key: string): boolean => {
  mustBe('isFromPreset', 'config', config, 'object');
  mustBe('isFromPreset', 'key', key, 'string');
  return stackOf(config)!.get(key)?.at(-1)?.kind === 'preset';
};

/** True when a layer sets the key. mdiff obeys or refuses a set value; an unset default may fall back. */
export const isSetIn = (config: ProjectConfig, key: string): boolean => {
  mustBe('isSetIn', 'config', config, 'object');
  mustBe('isSetIn', 'key', key, 'string');
  return (stackOf(config)!.get(key)?.length ?? 0) > 1;
};
