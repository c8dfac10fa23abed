import { section } from './kinds.js';
import { CurriculumConfigSchema } from './curriculum.js';
import { DataConfigSchema } from './data.js';
import { GenerationConfigSchema } from './generation.js';
import { HardwareConfigSchema } from './hardware.js';
import { ModelConfigSchema } from './model.js';
import { projectKeys } from './project.js';
import { TokenizerConfigSchema } from './tokenizer.js';
import { TrainingConfigSchema } from './training.js';

/** A whole configuration: the one source of types, JSON Schema, validator, defaults and reference page. */
export const ProjectConfigSchema = section(
  'mdiff configuration',
  "One run of mdiff: a small masked-diffusion language model of one author's book",
  {
    ...projectKeys,
    hardware: HardwareConfigSchema,
    model: ModelConfigSchema,
    tokenizer: TokenizerConfigSchema,
    data: DataConfigSchema,
    curriculum: CurriculumConfigSchema,
    training: TrainingConfigSchema,
    generation: GenerationConfigSchema,
  },
);
