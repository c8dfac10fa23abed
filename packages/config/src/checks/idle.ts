import { isOwn, issueFor, seeKey, valueOf } from '../document/stack.js';
import type { SectionName } from '../sections/keys.js';
import type { ProjectValues } from '../sections/types.js';
import type { Rule } from './rules.js';
import { plain, shown } from './words.js';

/** Keys that nothing reads while another key has some value. */
export interface Idle {
  keys: readonly string[];
  /** the key that decides, which the warning names */
  decides: string;
  /** further keys that `unused` reads */
  reads?: readonly string[];
  /** Says that `key` is not read; a text instead of true is the whole warning. */
  unused(get: Get, key: string): boolean | string;
}

type Get = (key: string) => unknown;

const is =
  (decides: string, value: unknown) =>
  (get: Get): boolean =>
    get(decides) === value;

const sampler = (keys: readonly string[], unused: (name: unknown) => boolean): Idle => ({
  keys: keys.map((key) => `generation.${key}`),
  decides: 'generation.sampler',
  unused: (get) => unused(get('generation.sampler')),
});

const stages = (get: Get): ProjectValues['curriculum']['stages'] => get('curriculum.stages') as ProjectValues['curriculum']['stages'];
const noStage = (test: (stage: ProjectValues['curriculum']['stages'][number]) => boolean) => (get: Get) => !stages(get).some(test);

/** An idle key whose reason lies in the stages: `reason` completes "not used while ". */
const byStages = (keys: readonly string[], reason: string, unused: (get: Get) => boolean): Idle => ({
  keys,
  decides: 'curriculum.stages',
  unused: (get) => unused(get) && `not used while ${reason}`,
});

const nothingHeldOut = (get: Get): boolean => get('training.val_split') === 0 && get('data.val_source') === null;
const isEvery = (value: unknown): boolean => typeof value === 'number' && value > 0;

/** Every key that can be without effect. A test shows for each row that the key has an effect otherwise. */
export const idleKeys: readonly Idle[] = [
  {
    keys: ['training.val_split'],
    decides: 'data.val_source',
    unused: (get) => get('data.val_source') !== null && get('training.val_split') !== 0,
  },
  sampler(['threshold'], (name) => name !== 'threshold'),
  sampler(['gamma'], (name) => name !== 'entropy'),
  sampler(['num_steps', 'confidence_schedule'], (name) => name === 'first_hitting' || name === 'causal'),
  {
    keys: ['generation.top_k', 'generation.top_p', 'generation.seed'],
    decides: 'generation.temperature',
    unused: (get, key) => get('generation.temperature') === 0 && get(key) !== null,
  },
  {
    keys: ['generation.style_tokens'],
    decides: 'generation.style_strength',
    unused: (get) => get('generation.style_strength') === 1 && (get('generation.style_tokens') as unknown[]).length > 0,
  },
  { keys: ['training.wsd_decay_fraction'], decides: 'training.scheduler', unused: (get) => get('training.scheduler') !== 'wsd' },
  { keys: ['training.min_learning_rate'], decides: 'training.scheduler', unused: is('training.scheduler', 'constant') },
  {
    keys: ['training.on_max_steps'],
    decides: 'training.max_steps',
    reads: ['training.max_minutes'],
    unused: (get) => get('training.max_steps') === null && get('training.max_minutes') === null,
  },
  { keys: ['training.max_epochs'], decides: 'training.max_steps', unused: (get) => get('training.max_steps') !== null },
  { keys: ['training.max_epochs'], decides: 'training.max_minutes', unused: (get) => get('training.max_minutes') !== null },
  { keys: ['training.causal_order'], decides: 'training.causal_fraction', unused: is('training.causal_fraction', 0) },
  {
    keys: [
      'training.causal_order',
      'training.patience',
      'training.mask_sampling',
      'training.complementary_masks',
      'training.loss_weighting',
      'training.time_sampling',
      'curriculum.full_range_fraction',
    ],
    decides: 'training.causal_fraction',
    unused: (get, key) => get('training.causal_fraction') === 1 && get(key) !== 0,
  },
  { keys: ['training.min_delta'], decides: 'training.patience', unused: is('training.patience', 0) },
  {
    keys: ['training.eval_every', 'training.eval_format', 'training.eval_max_tokens', 'training.val_batch_size', 'training.min_delta'],
    decides: 'training.val_split',
    reads: ['data.val_source'],
    unused: (get, key) => nothingHeldOut(get) && get(key) !== 0 && get(key) !== null,
  },
  {
    keys: ['training.eval_every', 'training.save_every', 'training.log_every'],
    decides: 'training.max_steps',
    unused: (get, key) =>
      isEvery(get('training.max_steps')) &&
      Number(get(key)) > Number(get('training.max_steps')) &&
      `never reached: the run ends after ${plain(Number(get('training.max_steps')))} steps`,
  },
  {
    keys: ['training.dropout_schedule'],
    decides: 'model.dropout',
    unused: (get) =>
      get('training.dropout_schedule') === 'decay' &&
      get('model.dropout') === 0 &&
      get('model.attention_dropout') === 0 &&
      'not used while model.dropout and model.attention_dropout are 0',
  },
  { keys: ['model.init_std', 'tokenizer.type'], decides: 'model.init_from', unused: (get) => get('model.init_from') !== null },
  { keys: ['tokenizer.type'], decides: 'tokenizer.path', unused: (get) => get('tokenizer.path') !== null },
  byStages(
    [
      'curriculum.lexical_weight',
      'curriculum.syntactic_weight',
      'curriculum.centrality_weight',
      'curriculum.easy_threshold',
      'curriculum.hard_threshold',
      'curriculum.n_clusters',
      'curriculum.embedding_model',
      'data.idf_corpus_size',
      'data.readability_metrics',
    ],
    'every stage has data_selection "all": no difficulty is scored',
    noStage(({ data_selection: selection }) => selection !== 'all'),
  ),
  {
    keys: ['curriculum.n_clusters', 'curriculum.embedding_model'],
    decides: 'curriculum.centrality_weight',
    unused: is('curriculum.centrality_weight', 0),
  },
  { keys: ['data.idf_corpus_size'], decides: 'curriculum.lexical_weight', unused: is('curriculum.lexical_weight', 0) },
  { keys: ['data.readability_metrics'], decides: 'curriculum.syntactic_weight', unused: is('curriculum.syntactic_weight', 0) },
  byStages(
    ['data.sentence_overlap'],
    'no stage has format_type "pairs"',
    noStage(({ format_type: format }) => format === 'pairs'),
  ),
  byStages(
    ['data.min_sentence_length'],
    'no stage has format_type "sentences" or "pairs": paragraphs and passages keep short sentences',
    noStage(({ format_type: format }) => format === 'sentences' || format === 'pairs'),
  ),
  {
    keys: ['data.paragraph_max_sentences'],
    decides: 'training.eval_format',
    reads: ['curriculum.stages'],
    unused: (get) => get('training.eval_format') === 'passages' && noStage(({ format_type: format }) => format === 'paragraphs')(get),
  },
  byStages(
    ['curriculum.transition_epochs', 'curriculum.reset_optimizer'],
    'there is one stage: nothing comes after it',
    (get) => stages(get).length === 1,
  ),
];

const sectionOf = (key: string): SectionName => key.split('.')[0] as SectionName;

/** W8 for one key of one row. Where an earlier row warns of the key, this one is silent. */
function idleRule(key: string, row: Idle): Rule {
  const earlier = idleKeys.slice(0, idleKeys.indexOf(row)).filter(({ keys }) => keys.includes(key));
  return {
    inputs: [],
    scope: [...new Set([key, row.decides, ...(row.reads ?? [])].map(sectionOf))],
    check: (view) => {
      const get: Get = (name) => valueOf(view, name);
      // The reader cannot remove a key that came with a preset, so it gets no warning.
      if (!isOwn(view, key) || earlier.some(({ unused }) => unused(get, key))) return undefined;
      const reason = row.unused(get, key);
      if (!reason) return undefined;
      const text = reason === true ? `not used while ${row.decides} is ${shown(get(row.decides))}` : reason;
      return issueFor(view, key, { code: 'W8', severity: 'warning', text, see: seeKey(view, row.decides) });
    },
  };
}

/** W8: a key that somebody set and nothing reads. */
export const idleRules: readonly Rule[] = idleKeys.flatMap((row) => row.keys.map((key) => idleRule(key, row)));
