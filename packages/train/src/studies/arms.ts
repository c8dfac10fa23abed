import type { ProjectConfig, ProjectInput } from '@mdiff/config';

// The arms of a comparison. All have paragraphs as units, so that a step reads about as many tokens in each.

type Stage = NonNullable<NonNullable<ProjectInput['curriculum']>['stages']>[number];

const stage = (name: string, range: [number, number], data_selection: Stage['data_selection']): Stage => ({
  name,
  epochs: 1,
  masking_rate_range: range,
  data_selection,
  format_type: 'paragraphs',
});

const FULL: Stage[] = [
  stage('foundation', [0.75, 0.9], 'easy'),
  stage('structural', [0.4, 0.6], 'medium'),
  stage('refinement', [0.1, 0.3], 'all'),
];
const WIDE: [number, number] = [0.1, 0.9];

const stages = (list: Stage[]): ProjectInput => ({ curriculum: { stages: list, transition_epochs: 0 } });

export interface Arm {
  about: string;
  changes(config: ProjectConfig): ProjectInput;
  /** true: its network is another, so it cannot start from the weights of a base */
  network?: true;
}

const fixed = (about: string, changes: ProjectInput): Arm => ({ about, changes: () => changes });

/** The order of masks and of difficulty. */
const curricula: Readonly<Record<string, Arm>> = {
  full: fixed('masks of 75-90, 40-60, 10-30 % on easy, medium, all paragraphs', stages(FULL)),
  'no-difficulty': fixed('the same masks on all paragraphs', stages(FULL.map((item) => ({ ...item, data_selection: 'all' })))),
  'no-masks': fixed(
    'masks of 10-90 % on easy, medium, all paragraphs',
    stages(FULL.map((item) => ({ ...item, masking_rate_range: WIDE }))),
  ),
  reversed: fixed('the stages of the full curriculum in reverse', stages([...FULL].reverse())),
  single: fixed('one stage, masks of 10-90 %', stages([stage('text', WIDE, 'all')])),
  uniform: fixed('one stage, masks over the whole range', stages([stage('text', [0.001, 1], 'all')])),
  autoregressive: fixed('one stage of next-token prediction on the same network', {
    ...stages([stage('text', WIDE, 'all')]),
    training: { causal_fraction: 1 },
    generation: { sampler: 'causal', early_commit: false, remasking: 0 },
  }),
};

/** A section of the configuration after another, key by key. */
const merged = (low: ProjectInput, high: ProjectInput): ProjectInput => ({
  ...low,
  ...high,
  model: { ...low.model, ...high.model },
  training: { ...low.training, ...high.training },
  curriculum: { ...low.curriculum, ...high.curriculum },
});

const LOW: [number, number] = [0.05, 0.5];
/** What `quickstart_scratch` adds to the plain objective. */
const RECIPE: ProjectInput = merged(stages([stage('text', LOW, 'all')]), {
  model: { conv_width: 5, shift_head: true, tie_embeddings: true },
  training: { causal_fraction: 0.33, causal_order: 'first', ema_decay: 0 },
  curriculum: { full_range_fraction: 0.2 },
});

const recipe = (about: string, changes: ProjectInput): Arm => fixed(about, merged(RECIPE, changes));
/** The recipe on another network. */
const network = (about: string, changes: (config: ProjectConfig) => ProjectInput): Arm => ({
  about,
  changes: (config) => merged(RECIPE, changes(config)),
  network: true,
});

/** The recipe without one of its parts. */
const ablation: Readonly<Record<string, Arm>> = {
  recipe: recipe('convolution, shifted head, a third of next-token steps first, masks of 5-50 % and a fifth of the whole range', {}),
  'no-convolution': network('the recipe without convolution', () => ({ model: { conv_width: 0 } })),
  'no-shift': network('without shifted head, and so without next-token steps', () => ({
    model: { shift_head: false },
    training: { causal_fraction: 0 },
  })),
  'no-next-token': recipe('the recipe without next-token steps', { training: { causal_fraction: 0 } }),
  'wide-masks': recipe('the recipe with masks over the whole range', {
    curriculum: { stages: [stage('text', [0.001, 1], 'all')], full_range_fraction: 0 },
  }),
  'half-vocabulary': network('the recipe with half the vocabulary', ({ model }) => ({
    model: { vocab_size: Math.floor(model.vocab_size / 2) },
  })),
};

/** Rows of another length, in batches of as many positions. */
function positions(length: number): Arm {
  return network(`the recipe with rows of ${length} positions, and as many positions a step`, ({ model, training, generation, data }) => ({
    model: { max_seq_len: length },
    training: { batch_size: Math.max(1, Math.round((training.batch_size * model.max_seq_len) / length)) },
    data: {
      max_sentence_length: Math.min(data.max_sentence_length, length),
      min_sentence_length: Math.min(data.min_sentence_length, length),
    },
    generation: {
      max_length: Math.min(generation.max_length, length),
      min_length: Math.min(generation.min_length, length),
      block_length: generation.block_length === null ? null : Math.min(generation.block_length, length),
    },
  }));
}

/** A complement has the ratio 1 − t: over the whole range both masks of a pair have the same ratios. */
const MASKS: ProjectInput = {
  ...stages([stage('text', [0.001, 1], 'all')]),
  training: { causal_fraction: 0 },
};

/** The recipe with one thing more. */
const variants: Readonly<Record<string, Arm>> = {
  'high-masks-first': recipe('the recipe in two stages: masks of 50-95 %, then of 5-50 %', {
    curriculum: { stages: [stage('high', [0.5, 0.95], 'all'), stage('low', LOW, 'all')] },
  }),
  ema: recipe('the recipe with averaged weights (decay 0.999)', { training: { ema_decay: 0.999 } }),
  'positions-64': positions(64),
  'positions-256': positions(256),
  'whole-range': recipe('the recipe without next-token steps, masks over the whole range: the control of complementary', MASKS),
  complementary: {
    about: 'the same with complementary masks: half of the rows a step, each with a mask and with all that it leaves',
    changes: ({ training }) =>
      merged(merged(RECIPE, MASKS), {
        training: { complementary_masks: true, batch_size: Math.max(1, Math.round(training.batch_size / 2)) },
      }),
  },
  untied: network('the recipe with a head of its own', () => ({ model: { tie_embeddings: false } })),
};

/** By name; each is the configuration with these changes. */
export const arms: Readonly<Record<string, Arm>> = { ...curricula, ...ablation, ...variants };

/** Names of several arms; those that are compared with the recipe begin with it. */
export const armGroups: Readonly<Record<string, readonly string[]>> = {
  curricula: Object.keys(curricula),
  ablation: Object.keys(ablation),
  variants: ['recipe', ...Object.keys(variants)],
  all: Object.keys(arms),
};

/** The arms of a list of names, in which a group stands for its arms. */
export const armsNamed = (names: readonly string[]): string[] => [...new Set(names.flatMap((name) => armGroups[name] ?? [name]))];

export const starts = { scratch: null, base: 'base-en' } as const;
export type Start = keyof typeof starts;
