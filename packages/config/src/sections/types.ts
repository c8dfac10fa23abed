import type { Static } from '@sinclair/typebox';
import type { CurriculumConfigSchema, StageConfigSchema } from './curriculum.js';
import type { DataConfigSchema } from './data.js';
import type { GenerationConfigSchema } from './generation.js';
import type { HardwareConfigSchema } from './hardware.js';
import type { ModelConfigSchema } from './model.js';
import type { ProjectConfigSchema } from './schema.js';
import type { TokenizerConfigSchema } from './tokenizer.js';
import type { TrainingConfigSchema } from './training.js';
import type { Issue } from '../checks/issue.js';

// Types only: importing them pulls no schema, so the descriptions stay out of a browser bundle.
type DeepReadonly<T> = T extends readonly (infer U)[]
  ? number extends T['length']
    ? readonly DeepReadonly<U>[]
    : Readonly<T>
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
type Resolved<T, Alias extends string = never> = DeepReadonly<Required<Omit<T, Alias>>>;

/** The values of each section once every default is filled in; aliases are left out. */
export type HardwareConfig = Resolved<Static<typeof HardwareConfigSchema>>;
export type ModelConfig = Resolved<Static<typeof ModelConfigSchema>>;
export type TokenizerConfig = Resolved<Static<typeof TokenizerConfigSchema>>;
export type DataConfig = Resolved<Static<typeof DataConfigSchema>, 'complexity_weights'>;
export type StageConfig = DeepReadonly<Static<typeof StageConfigSchema>>;
export type CurriculumConfig = Resolved<Static<typeof CurriculumConfigSchema>>;
export type TrainingConfig = Resolved<Static<typeof TrainingConfigSchema>, 'grad_clip_norm'>;
export type GenerationConfig = Resolved<Static<typeof GenerationConfigSchema>>;

type Raw = Static<typeof ProjectConfigSchema>;
type SectionName = 'hardware' | 'model' | 'tokenizer' | 'data' | 'curriculum' | 'training' | 'generation';
type Alias = 'mixed_precision' | 'gradient_checkpointing';

/** The whole record: what `JSON.stringify(config)` holds. */
export type ProjectValues = DeepReadonly<Required<Omit<Raw, SectionName | Alias | 'extends'>>> & {
  readonly hardware: HardwareConfig;
  readonly model: ModelConfig;
  readonly tokenizer: TokenizerConfig;
  readonly data: DataConfig;
  readonly curriculum: CurriculumConfig;
  readonly training: TrainingConfig;
  readonly generation: GenerationConfig;
};

type Input<T> = T extends readonly (infer U)[]
  ? number extends T['length']
    ? readonly Input<U>[]
    : Readonly<T>
  : T extends object
    ? { readonly [K in keyof T]: Input<T[K]> }
    : T;

/** The values a caller may write: every key optional, aliases and `extends` included. */
export type ProjectInput = Input<Raw>;
export type HardwareInput = Input<Static<typeof HardwareConfigSchema>>;
export type ModelInput = Input<Static<typeof ModelConfigSchema>>;
export type TokenizerInput = Input<Static<typeof TokenizerConfigSchema>>;
export type DataInput = Input<Static<typeof DataConfigSchema>>;
export type CurriculumInput = Input<Static<typeof CurriculumConfigSchema>>;
export type TrainingInput = Input<Static<typeof TrainingConfigSchema>>;
export type GenerationInput = Input<Static<typeof GenerationConfigSchema>>;

interface Checked {
  /** Errors and warnings of this section, with the place each value came from. */
  validate(): Issue[];
}

// Derived values are non-enumerable: they never reach JSON or YAML.
export interface ModelDerived extends Checked {
  /** 4lh² + 3lhf + 6lh + Vh: the formula that presets are named after. */
  readonly param_count: number;
  /** Number of trainable values of the built model. */
  readonly param_count_exact: number;
}
export interface TrainingDerived {
  /** Alias of `max_grad_norm`. */
  readonly grad_clip_norm: number;
  /** Rows per optimiser step on one worker. */
  readonly effective_batch_size: number;
  readonly val_batch_size_actual: number;
  /** With a model, the memory estimate is checked too. */
  validate(model?: ModelConfig, hardware?: HardwareConfig): Issue[];
}
export interface StageDerived {
  readonly masking_rate_min: number;
  readonly masking_rate_max: number;
}
export interface CurriculumDerived extends Checked {
  readonly stages: readonly (StageConfig & StageDerived)[];
  readonly total_epochs: number;
  readonly stage_names: readonly string[];
  /** @throws RangeError for an unknown name. */
  getStageByName(name: string): StageConfig & StageDerived;
  /** @param epoch 0-based epoch, counted over all stages. @throws RangeError when it is not whole or no stage has it. */
  getStageByEpoch(epoch: number): StageConfig & StageDerived;
}
export interface DataDerived extends Checked {
  /** Alias of the three `curriculum.*_weight`. */
  readonly complexity_weights: { readonly lexical: number; readonly syntactic: number; readonly centrality: number };
}

/** A validated, deeply frozen configuration. Enumerable properties are the canonical keys; the rest is derived. */
export type ProjectConfig = Omit<ProjectValues, SectionName> & {
  readonly hardware: HardwareConfig & Checked;
  readonly model: ModelConfig & ModelDerived;
  readonly tokenizer: TokenizerConfig & Checked;
  readonly data: DataConfig & DataDerived;
  readonly curriculum: CurriculumConfig & CurriculumDerived;
  readonly training: TrainingConfig & TrainingDerived;
  readonly generation: GenerationConfig & Checked;
  /** Alias of `training.use_mixed_precision`. */
  readonly mixed_precision: boolean;
  /** Alias of `training.use_gradient_checkpointing`. */
  readonly gradient_checkpointing: boolean;
  validate(): Issue[];
  /** A changed copy; it remembers the file it came from, so that saving keeps the comments. @throws ConfigError */
  with(changes: ProjectInput): ProjectConfig;
  /** The text `saveYaml` writes. */
  toYaml(): string;
  /** Writes the configuration; a file it was loaded from keeps comments, order and `${env:…}` text. */
  saveYaml(path: string): void;
};
