import { describe, expect, it } from 'vitest';
import { formatIssue, ProjectConfig } from '../index.js';
import { idleKeys } from './idle.js';

const stage = (rest: string): string => `{name: s, epochs: 4, masking_rate_range: [0.1, 1], ${rest}}`;
const all = stage('data_selection: all, format_type: paragraphs');
const easy = stage('data_selection: easy, format_type: paragraphs');
const sentences = stage('data_selection: all, format_type: sentences');
const pairs = stage('data_selection: all, format_type: pairs');

// Of each key: a setting, what makes it idle, what makes it count, and the warning.
const rows: readonly [key: string, value: string, idle: string | string[], used: string | string[], text: string][] = [
  ['training.val_split', '0.2', 'data.val_source=x.txt', 'data.val_source=null', 'while data.val_source is "x.txt"'],
  ['generation.threshold', '0.5', 'generation.sampler=margin', 'generation.sampler=threshold', 'while generation.sampler is "margin"'],
  ['generation.gamma', '0.5', 'generation.sampler=margin', 'generation.sampler=entropy', 'while generation.sampler is "margin"'],
  ['generation.num_steps', '5', 'generation.sampler=first_hitting', 'generation.sampler=margin', 'sampler is "first_hitting"'],
  ['generation.num_steps', '5', 'generation.sampler=causal', 'generation.sampler=margin', 'sampler is "causal"'],
  [
    'generation.confidence_schedule',
    'cosine',
    'generation.sampler=first_hitting',
    'generation.sampler=margin',
    'sampler is "first_hitting"',
  ],
  ['generation.top_k', '5', 'generation.temperature=0', 'generation.temperature=1', 'while generation.temperature is 0'],
  ['generation.top_p', '0.5', 'generation.temperature=0', 'generation.temperature=1', 'while generation.temperature is 0'],
  ['generation.seed', '5', 'generation.temperature=0', 'generation.temperature=1', 'while generation.temperature is 0'],
  [
    'generation.style_tokens',
    '[sea]',
    'generation.style_strength=1',
    'generation.style_strength=2',
    'while generation.style_strength is 1',
  ],
  ['training.wsd_decay_fraction', '0.5', 'training.scheduler=cosine', 'training.scheduler=wsd', 'while training.scheduler is "cosine"'],
  ['training.min_learning_rate', '0', 'training.scheduler=constant', 'training.scheduler=linear', 'while training.scheduler is "constant"'],
  ['training.on_max_steps', 'truncate', 'training.max_steps=null', 'training.max_steps=9', 'while training.max_steps is null'],
  ['training.max_epochs', '300', 'training.max_steps=9000', 'training.max_steps=null', 'while training.max_steps is 9000'],
  ['training.max_epochs', '300', 'training.max_minutes=5', 'training.max_minutes=null', 'while training.max_minutes is 5'],
  [
    'training.causal_order',
    'throughout',
    'training.causal_fraction=0',
    'training.causal_fraction=0.5',
    'while training.causal_fraction is 0',
  ],
  ...(
    [
      ['training.causal_order', 'throughout'],
      ['training.patience', '3'],
      ['training.mask_sampling', 'exact_count'],
      ['training.complementary_masks', 'true'],
      ['training.loss_weighting', 'uniform'],
      ['training.time_sampling', 'bell'],
      ['curriculum.full_range_fraction', '0.2'],
    ] as const
  ).map(
    ([key, value]) =>
      [key, value, 'training.causal_fraction=1', 'training.causal_fraction=0.5', 'while training.causal_fraction is 1'] as [
        string,
        string,
        string,
        string,
        string,
      ],
  ),
  ['training.min_delta', '0.1', 'training.patience=0', 'training.patience=3', 'while training.patience is 0'],
  ['training.min_delta', '0.1', 'training.val_split=0', 'training.val_split=0.1', 'while training.val_split is 0'],
  ['training.eval_every', '7', 'training.val_split=0', 'training.val_split=0.1', 'while training.val_split is 0'],
  ['training.eval_format', 'passages', 'training.val_split=0', 'training.val_split=0.1', 'while training.val_split is 0'],
  ['training.eval_max_tokens', '7', 'training.val_split=0', 'training.val_split=0.1', 'while training.val_split is 0'],
  ['training.val_batch_size', '7', 'training.val_split=0', 'training.val_split=0.1', 'while training.val_split is 0'],
  ['training.eval_every', '70', 'training.max_steps=60', 'training.max_steps=70', 'never reached: the run ends after 60 steps'],
  ['training.save_every', '70', 'training.max_steps=60', 'training.max_steps=null', 'never reached: the run ends after 60 steps'],
  ['training.log_every', '70', 'training.max_steps=60', 'training.max_steps=80', 'never reached: the run ends after 60 steps'],
  ['training.dropout_schedule', 'decay', 'model.dropout=0', 'model.dropout=0.1', 'while model.dropout and model.attention_dropout are 0'],
  ['tokenizer.type', 'bpe', 'model.init_from=base-en', 'model.init_from=null', 'while model.init_from is "base-en"'],
  ['model.init_std', '0.1', 'model.init_from=base-en', 'model.init_from=null', 'while model.init_from is "base-en"'],
  ['tokenizer.type', 'bpe', 'tokenizer.path=t.json', 'tokenizer.path=null', 'while tokenizer.path is "t.json"'],
  ...(
    [
      ['curriculum.lexical_weight', '0.3'],
      ['curriculum.syntactic_weight', '0.3'],
      ['curriculum.centrality_weight', '0.4'],
      ['curriculum.easy_threshold', '20'],
      ['curriculum.hard_threshold', '80'],
      ['curriculum.n_clusters', '3'],
      ['curriculum.embedding_model', 'tfidf-svd'],
      ['data.idf_corpus_size', '9'],
      ['data.readability_metrics', '[flesch]'],
    ] as const
  ).map(
    ([key, value]) =>
      [key, value, `curriculum.stages=[${all}]`, `curriculum.stages=[${easy}]`, 'every stage has data_selection "all"'] as [
        string,
        string,
        string,
        string,
        string,
      ],
  ),
  ['data.sentence_overlap', '25', `curriculum.stages=[${sentences}]`, `curriculum.stages=[${pairs}]`, 'no stage has format_type "pairs"'],
  [
    'data.min_sentence_length',
    '4',
    `curriculum.stages=[${all}]`,
    `curriculum.stages=[${pairs}]`,
    'no stage has format_type "sentences" or "pairs"',
  ],
  [
    'data.paragraph_max_sentences',
    '4',
    [`curriculum.stages=[${pairs}]`, 'training.eval_format=passages'],
    [`curriculum.stages=[${pairs}]`],
    'while training.eval_format is "passages"',
  ],
  [
    'curriculum.transition_epochs',
    '1',
    `curriculum.stages=[${all}]`,
    `curriculum.stages=[${all}, ${pairs.replace('name: s', 'name: t')}]`,
    'there is one stage',
  ],
  [
    'curriculum.reset_optimizer',
    'false',
    `curriculum.stages=[${all}]`,
    `curriculum.stages=[${all}, ${pairs.replace('name: s', 'name: t')}]`,
    'there is one stage',
  ],
];

// A base with no dropout, one difficulty band to score and enough steps.
const base = `curriculum: {stages: [${easy}], full_range_fraction: 0.2}
model: {dropout: 0, attention_dropout: 0, shift_head: true}
`;
const AUTOREGRESSIVE = 'training.causal_fraction=1'; // needs its sampler (E22)
const said = (...settings: (string | string[])[]): string[] => {
  const set = settings.flat();
  return ProjectConfig.parse(base, { set: set.includes(AUTOREGRESSIVE) ? [...set, 'generation.sampler=causal'] : set, env: {} })
    .validate()
    .filter(({ code }) => code === 'W8')
    .map(formatIssue);
};

describe('W8, a key that is set and without effect', () => {
  it.each(rows)('%s=%s with %s, not with %s', (key, value, idle, used, text) => {
    const warnings = said(`${key}=${value}`, idle).filter((line) => line.startsWith(`--set ${key}:`));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(text);
    expect(said(`${key}=${value}`, used).filter((line) => line.startsWith(`--set ${key}:`))).toEqual([]);
    // Without the key there is nothing to warn of.
    expect(said(idle).filter((line) => line.startsWith(`--set ${key}:`))).toEqual([]);
  });

  it.each([
    ['curriculum.n_clusters=3', 'curriculum.centrality_weight=0', 'curriculum.lexical_weight=0.7'],
    ['curriculum.embedding_model=tfidf-svd', 'curriculum.centrality_weight=0', 'curriculum.lexical_weight=0.7'],
    ['data.idf_corpus_size=9', 'curriculum.lexical_weight=0', 'curriculum.syntactic_weight=0.6'],
    ['data.readability_metrics=[]', 'curriculum.syntactic_weight=0', 'curriculum.lexical_weight=0.6'],
  ])('%s with %s', (setting, zero, rest) => {
    expect(said(setting, zero, rest)).toEqual([expect.stringContaining(`not used while ${zero.split('=')[0]!} is 0`)]);
    expect(said(setting)).toEqual([]);
  });

  it('has a row here for each of its keys', () => {
    const tested = new Set([...rows.map(([key]) => key)]);
    expect(idleKeys.flatMap(({ keys }) => keys).filter((key) => !tested.has(key))).toEqual([]);
  });

  it('says nothing of what a preset sets, and one thing of a key with two reasons', () => {
    expect(ProjectConfig.parse('extends: quickstart\ntraining: {scheduler: cosine}\n').validate()).toEqual([]);
    expect(said('training.eval_every=70', 'training.max_steps=60', 'training.val_split=0')).toHaveLength(1);
  });
});
