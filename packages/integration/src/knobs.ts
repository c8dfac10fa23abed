import { join } from 'node:path';
import type { ProjectInput } from '@mdiff/config';
import { layout } from '@mdiff/model';
import { reporterFor } from '@mdiff/cli';
import type { StepBatch } from '@mdiff/engine';
import { exchanged, failing, learnt, network, root, scored, stage, stopped, told, typed, written } from './knobs.test.util.js';
import type { Observe, Seen } from './knobs.test.util.js';

// No dead knobs: every leaf key of the configuration, and how to see that it does something. knobs.test.ts runs the table.

interface Changed {
  key: string;
  /** other keys, set on both sides */
  from?: ProjectInput;
  /** the key's new value, valid and different */
  to: unknown;
}

export type Knob =
  /** The observation differs once the key has changed: an array or object anywhere, numbers in the direction of `way`, `each` entry of a record. */
  | (Changed & { observe: Observe; way?: 'up' | 'down'; each?: true })
  /** The value is refused, with this code. */
  | (Changed & { refused: string });

// Observations of a run.
const rates = (seen: Seen): number[] => seen.steps.map(({ update }) => update.lr);
const text = (seen: Seen): unknown => seen.steps.map(({ batches }) => batches.map((batch) => [...original(batch)]));
const masks = (seen: Seen): unknown => seen.steps.map(({ batches }) => batches.map(({ rows, weights }) => [[...rows], [...weights]]));
const stages = (seen: Seen): unknown => seen.metrics.map(({ stage: name }) => name);
const evaluatedAt = (seen: Seen): number[] => seen.metrics.filter(({ nelbo }) => nelbo !== undefined).map(({ step }) => step);
const checkpoints = (seen: Seen): string[] => seen.files.filter((path) => /step-\d+$/.test(path));
const weights = (seen: Seen): unknown => [...seen.weights!];

/** The ids as they were before masking: the row that is evaluated stands one before the position it predicts. */
function original({ ids, rows, targets }: StepBatch): Int32Array {
  const clean = ids.slice();
  rows.forEach((row, i) => (clean[row + 1] = targets[i]!));
  return clean;
}

/** The memory warning of a model too large for its budget. */
const fit: Observe = (config) =>
  config
    .validate()
    .filter(({ code }) => code === 'W4')
    .map(({ message }) => message);
const large: ProjectInput = { extends: 'model/small_350m', training: { batch_size: 32 } };

const two: ProjectInput = {
  curriculum: {
    stages: [
      { ...stage, name: 'one', masking_rate_range: [0.5, 0.9], format_type: 'sentences' },
      { ...stage, name: 'two', epochs: 4 },
    ],
  },
};
const three: ProjectInput = {
  curriculum: { stages: ['one', 'two', 'three'].map((name) => ({ ...stage, name })) },
};
const whole: ProjectInput = { training: { max_steps: null } };
const long: ProjectInput = { training: { max_steps: 60 } };
const format = (format_type: typeof stage.format_type, data_selection = stage.data_selection): ProjectInput => ({
  curriculum: { stages: [{ ...stage, format_type, data_selection }] },
});

/** The easy sentences by one signal alone. */
const by = (signal: 'lexical' | 'syntactic' | 'centrality'): ProjectInput => ({
  curriculum: {
    ...format('sentences', 'easy').curriculum,
    lexical_weight: 0,
    syntactic_weight: 0,
    centrality_weight: 0,
    [`${signal}_weight`]: 1,
  },
});

/** The three weights sum to 1 ± 10⁻⁶: what one of them can change by alone. */
const nudge = 5e-7;
const project: Knob[] = [
  { key: 'extends', to: 'model/nano', observe: ({ model }) => model },
  { key: 'experiment_name', to: 'other', observe: told(({ files }) => files) },
  {
    key: 'seed',
    to: 7,
    each: true,
    observe: async (config) => ({
      weights: await network(config),
      batches: await told(text)(config),
      masks: await told(masks)(config),
      generation: await written(config),
    }),
  },
  { key: 'data_dir', to: 'books', observe: told(text) },
  { key: 'output_dir', to: 'runs', observe: told(({ files }) => files) },
  { key: 'cache_dir', to: 'store', observe: told(({ files }) => files) },
  { key: 'device', to: 'webgpu', observe: stopped(({ error }) => error) },
  { key: 'engine', to: 'tfjs', observe: told(({ engine }) => engine) },
  { key: 'mixed_precision', to: true, observe: ({ training: { use_mixed_precision } }) => use_mixed_precision },
  { key: 'gradient_checkpointing', to: true, observe: ({ training: { use_gradient_checkpointing } }) => use_gradient_checkpointing },
  {
    key: 'log_format',
    to: 'json',
    observe: ({ log_format }) => {
      const lines: string[] = [];
      reporterFor(log_format, { write: (line: string) => lines.push(line) }).phase('reading');
      return lines;
    },
  },
  { key: 'reports', to: ['tensorboard'], observe: told(({ files }) => files) },
];

const hardware: Knob[] = [
  { key: 'hardware.max_vram_gb', from: large, to: 6, observe: fit },
  { key: 'hardware.memory_safety_margin', from: large, to: 0.3, observe: fit },
  { key: 'hardware.bytes_per_param', from: large, to: 2, observe: fit },
  { key: 'hardware.memory_multiplier', from: large, to: 6, observe: fit },
  { key: 'hardware.cpu_threads', to: 2, observe: told(({ options }) => options!.threads), way: 'up' },
];

const model: Knob[] = [
  { key: 'model.d_model', to: 16, observe: network },
  { key: 'model.n_layers', to: 2, observe: network },
  { key: 'model.n_heads', to: 4, observe: network },
  { key: 'model.d_ff', to: 24, observe: network },
  { key: 'model.vocab_size', to: 280, observe: told(({ options }) => layout(options!.model).total), way: 'down' },
  { key: 'model.max_seq_len', to: 48, observe: told(({ steps }) => steps[0]!.batches[0]!.S), way: 'down' },
  { key: 'model.dropout', to: 0.5, observe: learnt(weights) },
  { key: 'model.attention_dropout', to: 0.5, observe: learnt(weights) },
  { key: 'model.activation', to: 'relu', from: { model: { d_ff: 32 } }, observe: network },
  { key: 'model.norm_type', to: 'layernorm', observe: network },
  { key: 'model.norm_eps', to: 0.01, observe: network },
  { key: 'model.pos_encoding', to: 'sinusoidal', observe: network },
  { key: 'model.init_std', to: 0.1, observe: network },
  // Biases start at zero: the network has them, and its first logits are the same.
  { key: 'model.use_bias', to: true, observe: told(({ options }) => layout(options!.model).params.map(({ name }) => name)) },
  { key: 'model.mask_token_id', to: 1, refused: 'E18' },
  { key: 'model.tie_embeddings', to: true, observe: network },
  { key: 'model.conv_width', to: 3, observe: network },
  { key: 'model.init_from', to: join(root, 'packages/generate/fixtures/shifted'), observe: stopped(({ error }) => error) },
  { key: 'model.shift_head', to: false, observe: told(({ steps }) => [...steps[0]!.batches[0]!.ids]) },
];

const data: Knob[] = [
  { key: 'tokenizer.type', to: 'gpt2_compressed', observe: told(({ steps }) => [...steps[0]!.batches[0]!.ids]) },
  { key: 'tokenizer.path', to: join(root, 'packages/generate/fixtures/shifted/tokenizer.json'), observe: told(text) },
  { key: 'data.min_sentence_length', from: format('sentences'), to: 25, observe: told(text) },
  { key: 'data.max_sentence_length', from: format('sentences'), to: 20, observe: told(text) },
  { key: 'data.sentence_overlap', from: format('pairs'), to: 0, observe: told(text) },
  { key: 'data.paragraph_max_sentences', to: 1, observe: told(text) },
  { key: 'data.idf_corpus_size', from: by('lexical'), to: 5, observe: told(text) },
  { key: 'data.readability_metrics', from: by('syntactic'), to: ['coleman_liau'], observe: told(text) },
  { key: 'data.complexity_weights.lexical', to: 0.3 + nudge, observe: ({ curriculum: { lexical_weight } }) => lexical_weight, way: 'up' },
  {
    key: 'data.complexity_weights.syntactic',
    to: 0.3 + nudge,
    observe: ({ curriculum: { syntactic_weight } }) => syntactic_weight,
    way: 'up',
  },
  {
    key: 'data.complexity_weights.centrality',
    to: 0.4 + nudge,
    observe: ({ curriculum: { centrality_weight } }) => centrality_weight,
    way: 'up',
  },
  { key: 'data.source', to: 'second.txt', observe: told(text) },
  { key: 'data.val_source', to: 'second.txt', observe: told(({ evaluations }) => evaluations.map((batch) => [...original(batch)])) },
  { key: 'data.format', to: 'epub', observe: stopped(({ error }) => error) },
];

const curriculum: Knob[] = [
  { key: 'curriculum.stages[].name', to: 'other', observe: told(stages) },
  { key: 'curriculum.stages[].epochs', from: whole, to: 3, observe: told(({ steps }) => steps.length), way: 'up' },
  { key: 'curriculum.stages[].masking_rate_range', to: [0.8, 0.9], observe: told(masks) },
  { key: 'curriculum.stages[].data_selection', to: 'easy', observe: told(text) },
  { key: 'curriculum.stages[].format_type', to: 'sentences', observe: told(text) },
  { key: 'curriculum.lexical_weight', to: 0.3 + nudge, observe: scored },
  { key: 'curriculum.syntactic_weight', to: 0.3 + nudge, observe: scored },
  { key: 'curriculum.centrality_weight', to: 0.4 + nudge, observe: scored },
  { key: 'curriculum.easy_threshold', from: format('sentences', 'easy'), to: 60, observe: told(text) },
  { key: 'curriculum.hard_threshold', from: format('sentences', 'hard'), to: 40, observe: told(text) },
  { key: 'curriculum.n_clusters', from: by('centrality'), to: 4, observe: told(text) },
  { key: 'curriculum.embedding_model', from: by('centrality'), to: 'no/such-encoder', observe: stopped(({ error }) => error) },
  {
    key: 'curriculum.transition_epochs',
    from: { ...two, ...whole },
    to: 2,
    each: true,
    observe: async (config) => ({ text: await told(text)(config), range: await told(masks)(config) }),
  },
  {
    key: 'curriculum.reset_optimizer',
    from: { ...two, ...long },
    to: false,
    each: true,
    observe: async (config) => ({
      moments: await told(({ resets }) => resets)(config),
      count: await told(({ steps }) => steps.map(({ update }) => update.step))(config),
      rate: await told(rates)(config),
    }),
  },
  { key: 'curriculum.pseudo_data_max_samples', from: { ...three, ...long }, to: 3, observe: told(text) },
  { key: 'curriculum.pseudo_data_ratio', from: { ...three, ...long }, to: 0.1, observe: told(text) },
  { key: 'curriculum.full_range_fraction', to: 0.9, observe: told(masks) },
];

const optimiser: Knob[] = [
  { key: 'training.learning_rate', to: 0.02, observe: async (config) => Math.max(...((await told(rates)(config)) as number[])), way: 'up' },
  { key: 'training.min_learning_rate', to: 0.005, observe: async (config) => ((await told(rates)(config)) as number[]).at(-1), way: 'up' },
  { key: 'training.weight_decay', to: 1, observe: learnt(weights) },
  { key: 'training.beta1', to: 0.5, observe: learnt(weights) },
  { key: 'training.beta2', to: 0.5, observe: learnt(weights) },
  { key: 'training.eps', to: 0.1, observe: learnt(weights) },
  { key: 'training.grad_clip_norm', to: 0.5, observe: ({ training: { max_grad_norm } }) => max_grad_norm },
  { key: 'training.max_grad_norm', to: 0.001, observe: learnt(weights) },
  { key: 'training.warmup_steps', from: long, to: 2, observe: told(rates) },
  { key: 'training.scheduler', to: 'linear', observe: told(rates) },
  { key: 'training.batch_size', to: 2, observe: told(({ steps }) => steps[0]!.batches[0]!.B), way: 'down' },
  { key: 'training.gradient_exchange', to: 'bfloat16', observe: exchanged },
  { key: 'training.gradient_accumulation_steps', to: 2, observe: told(({ steps }) => steps[0]!.batches.length), way: 'up' },
  { key: 'training.max_epochs', from: whole, to: 1, observe: told(({ steps }) => steps.length), way: 'down' },
  { key: 'training.max_steps', to: 12, observe: told(({ steps }) => steps.length), way: 'up' },
  // A short time leaves less than the eight steps of `max_steps`; the text alone takes longer to read.
  { key: 'training.max_minutes', to: 0.00001, observe: told(({ metrics }) => metrics.at(-1)!.step), way: 'down' },
  { key: 'training.on_max_steps', from: two, to: 'truncate', observe: told(stages) },
  { key: 'training.label_smoothing', to: 0.2, observe: learnt(weights) },
  {
    key: 'training.dropout_schedule',
    from: { model: { dropout: 0.5 } },
    to: 'decay',
    observe: told(({ steps }) => steps.map(({ batches }) => batches[0]!.dropout?.rate)),
  },
  { key: 'training.ema_decay', to: 0.9, observe: learnt(weights) },
  { key: 'training.mask_sampling', to: 'exact_count', observe: told(masks) },
  { key: 'training.complementary_masks', to: true, observe: told(({ steps }) => steps.map(({ batches }) => batches.length)) },
  { key: 'training.loss_weighting', to: 'uniform', observe: told(masks) },
  {
    key: 'training.causal_fraction',
    to: 0.5,
    observe: told(({ steps }) => steps.filter(({ batches }) => batches[0]!.causal === 1).length),
    way: 'up',
  },
  {
    key: 'training.causal_order',
    from: { training: { causal_fraction: 0.5 } },
    to: 'throughout',
    each: true,
    observe: async (config) => ({
      steps: await told(({ steps }) => steps.map(({ batches }) => batches[0]!.causal))(config),
      reported: await told(({ metrics }) => metrics.map(({ objective }) => objective))(config),
    }),
  },
  { key: 'training.time_sampling', to: 'bell', observe: told(masks) },
  { key: 'training.wsd_decay_fraction', from: { training: { scheduler: 'wsd' } }, to: 0.25, observe: told(rates) },
];

const running: Knob[] = [
  { key: 'training.eval_every', to: 2, observe: told((seen) => evaluatedAt(seen).length), way: 'up' },
  {
    key: 'training.save_every',
    from: { training: { keep_checkpoints: 10 } },
    to: 1,
    observe: told((seen) => checkpoints(seen).length),
    way: 'up',
  },
  {
    key: 'training.keep_checkpoints',
    from: { training: { save_every: 1 } },
    to: 5,
    observe: told((seen) => checkpoints(seen).length),
    way: 'up',
  },
  { key: 'training.sample_every', to: 4, observe: told(({ files }) => files) },
  { key: 'training.log_every', to: 1, observe: told(({ metrics }) => metrics.length), way: 'up' },
  {
    key: 'training.patience',
    from: { ...two, training: { ...whole.training, min_delta: 100 } },
    to: 1,
    observe: told(({ steps }) => steps.length),
    way: 'down',
  },
  {
    key: 'training.min_delta',
    from: { ...two, training: { ...whole.training, patience: 1 } },
    to: 100,
    observe: told(({ steps }) => steps.length),
    way: 'down',
  },
  {
    key: 'training.val_split',
    to: 0.5,
    observe: told(({ evaluations }) => evaluations.reduce((sum, { rows }) => sum + rows.length, 0)),
    way: 'up',
  },
  {
    key: 'training.eval_format',
    from: { training: { val_split: 0.5 } },
    to: 'passages',
    // Positions count from the start of a unit, and passages are longer than paragraphs.
    observe: told(({ evaluations }) => evaluations.reduce((sum, { positions }) => sum + positions.reduce((a, b) => a + b, 0), 0)),
    way: 'up',
  },
  {
    key: 'training.eval_max_tokens',
    from: { training: { val_split: 0.5 } },
    to: 60,
    observe: told(({ evaluations }) => evaluations.reduce((sum, { rows }) => sum + rows.length, 0)),
    way: 'down',
  },
  { key: 'training.val_batch_size', to: 1, observe: told(({ evaluations }) => evaluations[0]!.B), way: 'down' },
  { key: 'training.use_gradient_checkpointing', to: true, observe: told(({ options }) => options!.checkpointing) },
  { key: 'training.use_mixed_precision', to: true, observe: told(({ warnings }) => warnings) },
  // The batches are the same; loader.test.ts compares them.
  { key: 'training.dataloader_num_workers', to: 2, observe: told(({ phases }) => phases.find((phase) => phase.startsWith('training'))) },
  { key: 'training.pin_memory', to: true, observe: told(({ warnings }) => warnings) },
  {
    key: 'training.on_nonfinite',
    to: 'skip',
    observe: failing(({ error, metrics }) => ({ error, skipped: metrics.map(({ skipped }) => skipped) })),
    each: true,
  },
];

const generation: Knob[] = [
  { key: 'generation.temperature', to: 0, observe: written },
  { key: 'generation.top_k', from: { generation: { temperature: 5 } }, to: 1, observe: written },
  { key: 'generation.top_p', from: { generation: { temperature: 5 } }, to: 0.1, observe: written },
  { key: 'generation.num_steps', to: 4, observe: written },
  { key: 'generation.max_length', to: 12, observe: written },
  { key: 'generation.min_length', to: 24, observe: written },
  { key: 'generation.num_return_sequences', to: 2, observe: written },
  { key: 'generation.confidence_schedule', from: { generation: { num_steps: 6 } }, to: 'cosine', observe: written },
  { key: 'generation.style_strength', from: { generation: { style_tokens: ['whale'] } }, to: 100, observe: written },
  { key: 'generation.interactive_mode', to: true, observe: typed, way: 'up' },
  { key: 'generation.sampler', to: 'margin', observe: written },
  { key: 'generation.block_length', to: 4, observe: written },
  { key: 'generation.threshold', from: { generation: { sampler: 'threshold' } }, to: 0.01, observe: written },
  { key: 'generation.gamma', from: { generation: { sampler: 'entropy' } }, to: 20, observe: written },
  {
    key: 'generation.early_commit',
    from: { generation: { num_steps: 3, style_tokens: ['whale'], style_strength: 100 } },
    to: true,
    observe: written,
  },
  { key: 'generation.remasking', from: { generation: { sampler: 'ancestral' } }, to: 0.5, observe: written },
  { key: 'generation.repetition_penalty', to: 10, observe: written },
  { key: 'generation.word_guard', from: { generation: { temperature: 5 } }, to: 1, observe: written },
  {
    key: 'generation.style_tokens',
    from: { generation: { style_tokens: ['whale'], style_strength: 100 } },
    to: ['swam'],
    observe: written,
  },
  { key: 'generation.seed', to: 9, observe: written },
  { key: 'generation.stop', to: ['e'], observe: written },
];

export const knobs: readonly Knob[] = [...project, ...hardware, ...model, ...data, ...curriculum, ...optimiser, ...running, ...generation];
