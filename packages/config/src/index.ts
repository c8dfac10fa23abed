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
export { curriculumPresets, generationPresets, modelPresets, trainingPresets } from './document/presetfunctions.js';
export { presetNames } from './document/presets.js';
export { presetSummaries, type PresetSummary } from './document/presetlist.js';
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
} from './formulas/derived.js';
export { estimateMemory, fitBatch, layerBytes, type MemoryEstimate, type MemoryOptions } from './formulas/memory.js';
export { blendAt, scaleSteps, stageBlend, stageEpochs, stageOfStep, stageSteps, type StageBlend } from './formulas/stages.js';
export { decayStart, dropoutAt, emaDecayAt, horizonRate, learningRate, warmupSteps } from './formulas/rate.js';
export { paramCount, paramCountExact } from './formulas/params.js';
export { ConfigError, formatIssue, formatIssues, type Issue, type Severity } from './checks/issue.js';
export { aliases, leafKeys } from './sections/keys.js';
export { diffConfigs, explain, explainJson, overridden, resolvedJson, resolvedYaml } from './document/explain.js';
export { differences, inputOf, valuesByKey, type Difference } from './document/resolved.js';
export { jsonSchema, referencePage } from './document/reference.js';
export { migrate } from './document/migrate.js';
export { shapedBy } from './checks/base.js';
export { isFromPreset, isSetIn, startup, validateHere } from './checks/startup.js';
export { ProjectConfigSchema } from './sections/schema.js';
export { HardwareConfigSchema } from './sections/hardware.js';
export { ModelConfigSchema } from './sections/model.js';
export { TokenizerConfigSchema } from './sections/tokenizer.js';
export { DataConfigSchema } from './sections/data.js';
export { CurriculumConfigSchema, StageConfigSchema } from './sections/curriculum.js';
export { TrainingConfigSchema } from './sections/training.js';
export { GenerationConfigSchema } from './sections/generation.js';
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
} from './sections/types.js';
