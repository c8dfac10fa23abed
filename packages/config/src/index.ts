export {
  curriculumConfig,
  dataConfig,
  generationConfig,
  hardwareConfig,
  loadProject,
  modelConfig,
  ProjectConfig,
  projectConfig,
  stageConfig,
  tokenizerConfig,
  trainingConfig,
  type LoadOptions,
} from './config.js';
export { curriculumPresets, generationPresets, modelPresets, trainingPresets } from './named.js';
export { presetNames } from './presets.js';
export {
  difficultyBand,
  effectiveBatchSize,
  getStageByEpoch,
  getStageByName,
  isHeldOut,
  pseudoDataCount,
  stageNames,
  totalEpochs,
  valBatchSizeActual,
} from './derived.js';
export { estimateMemory, fitBatch, layerBytes, type MemoryEstimate, type MemoryOptions } from './memory.js';
export { blendAt, scaleSteps, stageBlend, stageEpochs, stageOfStep, stageSteps, type StageBlend } from './plan.js';
export { dropoutAt, emaDecayAt, horizonRate, learningRate, warmupSteps } from './rate.js';
export { paramCount, paramCountExact } from './params.js';
export { ConfigError, formatIssue, formatIssues, type Issue, type Severity } from './issue.js';
export { aliases, leafKeys } from './keys.js';
export { diffConfigs, explain, resolvedYaml } from './explain.js';
export { jsonSchema, referencePage } from './reference.js';
export { migrate } from './migrate.js';
export { isSetIn, startup } from './machine.js';
export { pending, type Pending } from './pending.js';
export { ProjectConfigSchema } from './schema.js';
export { HardwareConfigSchema } from './hardware.js';
export { ModelConfigSchema } from './model.js';
export { TokenizerConfigSchema } from './tokenizer.js';
export { DataConfigSchema } from './data.js';
export { CurriculumConfigSchema, StageConfigSchema } from './curriculum.js';
export { TrainingConfigSchema } from './training.js';
export { GenerationConfigSchema } from './generation.js';
export type {
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
  ProjectInput,
  ProjectValues,
  StageConfig,
  StageDerived,
  TokenizerConfig,
  TokenizerInput,
  TrainingConfig,
  TrainingDerived,
  TrainingInput,
} from './types.js';
