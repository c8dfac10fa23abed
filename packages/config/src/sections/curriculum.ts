import type { Static } from '@sinclair/typebox';
import { between, bool, complete, inside, int, list, namePattern, num, path, required, section } from './kinds.js';

const rate = { type: 'number', minimum: 0.001, maximum: 1 };

/** One stage of the curriculum; all five keys are required. */
export const StageConfigSchema = complete(
  'Stage',
  'One stage of training',
  {
    name: required<string>(
      { type: 'string', pattern: namePattern, maxLength: 64 },
      ['foundation'],
      'identifies the stage in logs, checkpoints, `getStageByName`',
      'unique (E12)',
    ),
    epochs: required<number>({ type: 'integer', minimum: 1, maximum: 1000000 }, [50], "passes over the stage's units"),
    masking_rate_range: required<[number, number]>(
      { type: 'array', items: [rate, rate], minItems: 2, maxItems: 2, additionalItems: false },
      [[0.75, 0.9]],
      "each unit's masking rate is drawn from it; it does not drift within a stage",
      'min ≤ max (E11)',
    ),
    data_selection: required<'easy' | 'medium' | 'hard' | 'all'>(
      { type: 'string', enum: ['easy', 'medium', 'hard', 'all'] },
      ['easy'],
      'which difficulty band is used; all = no filter',
    ),
    format_type: required<'sentences' | 'pairs' | 'paragraphs' | 'passages'>(
      { type: 'string', enum: ['sentences', 'pairs', 'paragraphs', 'passages'] },
      ['paragraphs'],
      'what one unit contains; passages are neighbouring paragraphs of one chapter, as many as fit or fewer',
    ),
  },
  { name: 'foundation', epochs: 50, masking_rate_range: [0.75, 0.9], data_selection: 'easy', format_type: 'sentences' },
);

const threeStages: Static<typeof StageConfigSchema>[] = [
  { name: 'foundation', epochs: 50, masking_rate_range: [0.75, 0.9], data_selection: 'easy', format_type: 'sentences' },
  { name: 'structural', epochs: 100, masking_rate_range: [0.4, 0.6], data_selection: 'medium', format_type: 'pairs' },
  { name: 'refinement', epochs: 150, masking_rate_range: [0.1, 0.3], data_selection: 'all', format_type: 'paragraphs' },
];

/** Section `curriculum`: which text is seen when, at which masking rates. */
export const CurriculumConfigSchema = section('Curriculum', 'Which text is seen when, at which masking rates', {
  stages: list<Static<typeof StageConfigSchema>>(
    StageConfigSchema,
    1,
    32,
    threeStages,
    'the stages of training, in order',
    "a list replaces the lower layer's list whole",
  ),
  lexical_weight: num(between(0, 1), 0.3, 0.2, 'weight of the lexical-rarity rank', 'three weights sum to 1 ± 10⁻⁶ (E9)'),
  syntactic_weight: num(between(0, 1), 0.3, 0.4, 'weight of the syntactic rank'),
  centrality_weight: num(between(0, 1), 0.4, 0.4, 'weight of the rank of distance from the cluster centre (far = hard)'),
  easy_threshold: num(inside(0, 100), 33, 25, 'upper end of the easy band, percentile', '< `hard_threshold` (E10)'),
  hard_threshold: num(inside(0, 100), 67, 75, 'lower end of the hard band, percentile'),
  n_clusters: int(1, 4096, 8, 16, 'k of k-means over unit embeddings', 'clamped to the number of units (N9)'),
  embedding_model: path(
    'sentence-transformers/all-MiniLM-L6-v2',
    'tfidf-svd',
    'embeddings behind centrality',
    'an existing folder with an ONNX encoder, then `cache_dir/models/<name>`, then a provider name: `tfidf-svd`, or one registered in code. Never downloaded silently. Absent: S2 if set, `tfidf-svd` and N3 if default',
  ),
  transition_epochs: int(
    0,
    10000,
    5,
    0,
    'epochs of blend at the start of each later stage',
    'inside that stage; clamped to ⌊epochs/2⌋ (W7)',
  ),
  reset_optimizer: bool(
    true,
    'at a stage start, Adam moments and step count are cleared and the rate warms up again',
    'weights and EMA kept',
  ),
  pseudo_data_max_samples: int(
    0,
    1000000,
    100,
    0,
    'cap on generated units; 0 = none',
    'made once, on entering the last stage of a curriculum of three or more',
  ),
  pseudo_data_ratio: num(between(0, 1), 0.25, 0.1, 'generated ≤ ratio × real units of that stage'),
  full_range_fraction: num(
    between(0, 1),
    0,
    0.2,
    'share of training units whose masking rate is drawn from (0.001, 1] whatever the stage',
    '0.1–0.2 recommended (W3)',
  ),
});
