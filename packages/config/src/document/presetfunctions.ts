import { readLayer, type Source } from './layer.js';
import { presetLayers } from './presets.js';
import { sectionRecord } from './record.js';
import { merge } from './stack.js';
import type { SectionName } from '../sections/keys.js';
import type {
  CurriculumConfig,
  CurriculumDerived,
  GenerationConfig,
  ModelConfig,
  ModelDerived,
  TrainingConfig,
  TrainingDerived,
} from '../sections/types.js';

// A preset function returns a full section; in `projectConfig` only the keys the preset names count.
function made(section: SectionName, name: string): object {
  const layers = presetLayers(`${section}/${name}`)!;
  const sources = layers.map(({ preset, values }): Source => ({ kind: 'preset', preset, data: values, at: () => ({ where: 'code' }) }));
  return sectionRecord(section, merge(sources.map((source) => readLayer(source).entries)));
}

const model = (name: string) => () => made('model', name) as ModelConfig & ModelDerived;
const training = (name: string) => () => made('training', name) as TrainingConfig & TrainingDerived;
const curriculum = (name: string) => () => made('curriculum', name) as CurriculumConfig & CurriculumDerived;
const generation = (name: string) => () => made('generation', name) as GenerationConfig;

export const modelPresets = { tiny125m: model('tiny_125m'), small350m: model('small_350m'), nano: model('nano'), micro: model('micro') };

export const trainingPresets = {
  default: training('default'),
  memoryEfficient: training('memory_efficient'),
  fastDebug: training('fast_debug'),
  cpuQuick: training('cpu_quick'),
  cpuHour: training('cpu_hour'),
};

export const curriculumPresets = {
  threeStage: curriculum('three_stage'),
  singleStage: curriculum('single_stage'),
  fastDebug: curriculum('fast_debug'),
  quick: curriculum('quick'),
  threeStageMixed: curriculum('three_stage_mixed'),
};

export const generationPresets = { creative: generation('creative'), conservative: generation('conservative'), fast: generation('fast') };
