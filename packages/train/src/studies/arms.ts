import type { ProjectInput } from '@mdiff/config';

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
  changes: ProjectInput;
}

/** By name; each is the configuration with these changes. */
export const arms: Readonly<Record<string, Arm>> = {
  full: { about: 'masks of 75-90, 40-60, 10-30 % on easy, medium, all paragraphs', changes: stages(FULL) },
  'no-difficulty': { about: 'the same masks on all paragraphs', changes: stages(FULL.map((item) => ({ ...item, data_selection: 'all' }))) },
  'no-masks': {
    about: 'masks of 10-90 % on easy, medium, all paragraphs',
    changes: stages(FULL.map((item) => ({ ...item, masking_rate_range: WIDE }))),
  },
  reversed: { about: 'the stages of the full curriculum in reverse', changes: stages([...FULL].reverse()) },
  single: { about: 'one stage, masks of 10-90 %', changes: stages([stage('text', WIDE, 'all')]) },
  uniform: { about: 'one stage, masks over the whole range', changes: stages([stage('text', [0.001, 1], 'all')]) },
  autoregressive: {
    about: 'one stage of next-token prediction on the same network',
    changes: {
      ...stages([stage('text', WIDE, 'all')]),
      training: { causal_fraction: 1 },
      generation: { sampler: 'causal', early_commit: false, remasking: 0 },
    },
  },
};

export const starts = { scratch: null, base: 'base-en' } as const;
export type Start = keyof typeof starts;
