import { presetLayers, presetNames } from './presets.js';

/** A preset as people choose it. */
export interface PresetSummary {
  name: string;
  /** `run`, or the section that it sets */
  sets: string;
  about: string;
}

const about: Record<string, string> = {
  'project/default': 'every key at its default',
  'project/quickstart': 'the base model, fine-tuned on a book for four minutes; the default',
  'project/quickstart_scratch': '1100 steps of a model of 4 layers from random weights, on a processor',
  'project/book': 'fine-tunes the base model in at most four passes over the text and half an hour, on a processor',
  'project/book_scratch': '5000 steps of a model of 6 layers from random weights, on a processor',
  'project/pretrain': 'a base model of a shelf of books, for mdiff pretrain',
  'project/fast_debug': 'fifty steps of a tiny model, to try a configuration',
  'model/tiny_125m': '12 layers of width 768, for a GPU',
  'model/small_350m': '24 layers of width 1024, for a GPU',
  'model/nano': '4 layers of width 128',
  'model/micro': '6 layers of width 256',
  'training/default': 'every key of training at its default',
  'training/memory_efficient': 'small batches, accumulated to the default size',
  'training/fast_debug': 'fifty steps',
  'training/cpu_quick': '900 steps, for a processor',
  'training/cpu_hour': '5000 steps, for a processor',
  'curriculum/three_stage': 'easy sentences, then pairs, then paragraphs, with falling mask ratios',
  'curriculum/single_stage': 'every sentence from the start',
  'curriculum/fast_debug': 'two short stages',
  'curriculum/quick': 'every paragraph from the start',
  'curriculum/three_stage_mixed': 'three_stage, with the full range of mask ratios in a fifth of the units',
  'generation/creative': 'varied text',
  'generation/conservative': 'likely text',
  'generation/fast': 'few denoising passes',
};

/** Every preset under its shortest name: first those of a whole run, then those of a section. */
export function presetSummaries(): PresetSummary[] {
  const shortest = new Map<unknown, string>();
  for (const name of presetNames) {
    const layers = presetLayers(name);
    const known = shortest.get(layers);
    if (known === undefined || name.length < known.length) shortest.set(layers, name);
  }
  const rows = presetNames
    .filter((name) => name.includes('/'))
    .map((full) => ({
      name: shortest.get(presetLayers(full))!,
      sets: full.startsWith('project/') ? 'run' : full.split('/', 1)[0]!,
      about: about[full] ?? '',
    }));
  return [...rows.filter(({ sets }) => sets === 'run'), ...rows.filter(({ sets }) => sets !== 'run')];
}
