// The model folder is the only contract between training and use (docs/architecture.md). All that both halves must agree on stands here,
// once: the files, the keys of config.json, the reserved ids and the version. Nothing here touches a disk.
import { mustBe } from '@mdiff/arguments';
import { ModelError } from './errors.js';

export const MODEL_TYPE = 'mdiff';

/** Of `config.json` and of `manifest.json`. A reader refuses every other version. */
export const FORMAT_VERSION = 1;

/** Ids that no text encodes to. They come first in every vocabulary. */
export const RESERVED = { mask: 0, pad: 1, bos: 2, eos: 3, sep: 4 } as const;

/** Paths inside a model folder. */
export const FILES = {
  config: 'config.json',
  resolved: 'config.resolved.yaml',
  weights: 'model.safetensors',
  graph: 'onnx/model.onnx',
  causal: 'onnx/causal.onnx',
  block: 'onnx/block.onnx',
  quantized: 'onnx/model_quantized.onnx',
  quantizedCausal: 'onnx/causal_quantized.onnx',
  quantizedBlock: 'onnx/block_quantized.onnx',
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  generation: 'generation_config.json',
  card: 'README.md',
} as const;

/** The files without which a model cannot be run; a folder may hold more. */
export const NEEDED: readonly string[] = [FILES.config, FILES.tokenizer, FILES.generation, FILES.graph];

/**
 * `config.json`: the keys of the configuration's section `model`, of which a reader of the graph needs these, and what it needs
 * beside them.
 */
export interface ModelFolderConfig {
  readonly model_type: typeof MODEL_TYPE;
  readonly format_version: typeof FORMAT_VERSION;
  readonly vocab_size: number;
  readonly max_seq_len: number;
  readonly shift_head: boolean;
  readonly mask_token_id: number;
  readonly pad_token_id: number;
  readonly bos_token_id: number;
  readonly eos_token_id: number;
  readonly sep_token_id: number;
  readonly experiment_name?: string;
  /** share of the training steps that predicted the next token; a folder of an earlier release does not say */
  readonly causal_share?: number;
  readonly [key: string]: unknown;
}

/** A model folder that was read and checked. */
export interface ModelFolder {
  /** Absolute path. */
  readonly path: string;
  /** For people and for `GET /v1/models`: the experiment's name, else the folder's. */
  readonly name: string;
  /** Seconds since 1970, from the manifest. */
  readonly created: number;
  readonly config: ModelFolderConfig;
  /** The keys of the configuration's section `generation`. */
  readonly generation: Readonly<Record<string, unknown>>;
  /** Text of `tokenizer.json`. */
  readonly tokenizer: string;
  /** Path of the ONNX graph. */
  readonly graph: string;
  /** Path of the graph that writes from left to right; a folder may have none. */
  readonly causalGraph?: string;
  /** Path of the graph that computes a stretch of a canvas and reads the rest from a cache; a folder may have none. */
  readonly blockGraph?: string;
  /** Path of the graph whose matrices are in 8 bits; a folder may have none. */
  readonly quantizedGraph?: string;
  /** Path of the causal graph whose matrices are in 8 bits; a folder may have none. */
  readonly quantizedCausalGraph?: string;
  /** Path of the graph with a cache whose matrices are in 8 bits; a folder may have none. */
  readonly quantizedBlockGraph?: string;
}

/** The keys of the section `model` that {@link ModelFolderConfig} names. */
type ModelSection = Pick<ModelFolderConfig, 'vocab_size' | 'max_seq_len' | 'shift_head' | 'mask_token_id'>;

/** The keys that `config.json` has in front of the section `model`, and behind it. */
const head = (experiment_name: string) => ({ model_type: MODEL_TYPE, format_version: FORMAT_VERSION, experiment_name }) as const;
const tail = { pad_token_id: RESERVED.pad, bos_token_id: RESERVED.bos, eos_token_id: RESERVED.eos, sep_token_id: RESERVED.sep } as const;

/** The content of `config.json` for a section `model`. */
export const toFolderConfig = (model: ModelSection, experimentName: string, causalShare?: number): ModelFolderConfig => {
  mustBe('toFolderConfig', 'model', model, 'object');
  mustBe('toFolderConfig', 'experimentName', experimentName, 'string');
  return {
    ...head(experimentName),
    ...model,
    ...tail,
    ...(causalShare !== undefined && { causal_share: causalShare }),
  };
};

/** The section `model` out of `config.json`. */
export function modelSection(config: ModelFolderConfig): Record<string, unknown> {
  mustBe('modelSection', 'config', config, 'object');
  return Object.fromEntries(Object.entries(config).filter(([key]) => !(key in head('') || key in tail || key === 'causal_share')));
}

/** Makes the error for one file of a folder; without `remedy` it gives its own. */
export type Refuse = (file: string, expected: string, got: string, remedy?: string) => Error;

/** Makes the errors of the files in a model folder. `locate` names a file as the reader of the message knows it. */
export const refuser =
  (locate: (file: string) => string): Refuse =>
  (file, expected, got, remedy = 'export the model again or copy the folder again') =>
    new ModelError(`${locate(file)}: expected ${expected}, got ${got}; ${remedy}`);

const shown = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

export function checkVersion(file: string, version: unknown, refuse: Refuse): void {
  if (version === FORMAT_VERSION) return;
  const newer = typeof version === 'number' && version > FORMAT_VERSION;
  throw refuse(file, `format_version ${FORMAT_VERSION}`, shown(version), newer ? 'use a newer mdiff' : 'export the model again');
}

const INTEGERS = ['vocab_size', 'max_seq_len', 'mask_token_id', 'pad_token_id', 'bos_token_id', 'eos_token_id', 'sep_token_id'];

/** Checks the content of `config.json`. Throws what `refuse` makes. */
export function checkFolderConfig(config: Readonly<Record<string, unknown>>, refuse: Refuse): ModelFolderConfig {
  const { model_type: type, format_version: version, shift_head: shift } = config;
  if (type !== MODEL_TYPE) throw refuse(FILES.config, `model_type "${MODEL_TYPE}"`, shown(type));
  checkVersion(FILES.config, version, refuse);
  for (const key of INTEGERS) {
    const value = config[key];
    if (!Number.isInteger(value) || (value as number) < 0) throw refuse(FILES.config, `${key} as an integer >= 0`, shown(value));
  }
  if (typeof shift !== 'boolean') throw refuse(FILES.config, 'shift_head as true or false', shown(shift));
  return config as unknown as ModelFolderConfig;
}
