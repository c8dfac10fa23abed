import type { CurriculumInput, GenerationInput, ModelInput, ProjectInput, StageConfig, TrainingInput } from '../sections/types.js';

// Each preset is a layer: it names only what differs from the defaults, and the rest comes from below.

// A shape of its own needs weights of its own: over a preset that has a base model, these train from random weights.
const model: Record<string, ModelInput> = {
  tiny_125m: {
    init_from: null,
    d_model: 768,
    n_layers: 12,
    n_heads: 12,
    d_ff: 2048,
    vocab_size: 25000,
    max_seq_len: 512,
    conv_width: 0,
    shift_head: false,
    dropout: 0.1,
    attention_dropout: 0.1,
    tie_embeddings: false,
  },
  small_350m: {
    init_from: null,
    d_model: 1024,
    n_layers: 24,
    n_heads: 16,
    d_ff: 2736,
    vocab_size: 25000,
    max_seq_len: 512,
    conv_width: 0,
    shift_head: false,
    dropout: 0.1,
    attention_dropout: 0.1,
    tie_embeddings: false,
  },
  nano: {
    init_from: null,
    d_model: 128,
    n_layers: 4,
    n_heads: 2,
    d_ff: 344,
    vocab_size: 4096,
    max_seq_len: 128,
    conv_width: 5,
    shift_head: true,
    dropout: 0,
    attention_dropout: 0,
    tie_embeddings: true,
  },
  micro: {
    init_from: null,
    d_model: 256,
    n_layers: 6,
    n_heads: 4,
    d_ff: 688,
    vocab_size: 8192,
    max_seq_len: 128,
    conv_width: 5,
    shift_head: true,
    dropout: 0,
    attention_dropout: 0,
    tie_embeddings: true,
  },
};

const small: TrainingInput = {
  use_gradient_checkpointing: false,
  use_mixed_precision: false,
  dataloader_num_workers: 0,
  pin_memory: false,
  patience: 0,
};
const cpu: TrainingInput = {
  ...small,
  learning_rate: 0.002,
  min_learning_rate: 0,
  scheduler: 'wsd',
  wsd_decay_fraction: 0.3,
  mask_sampling: 'exact_count',
  batch_size: 16,
  keep_checkpoints: 2,
};

const training: Record<string, TrainingInput> = {
  default: {},
  memory_efficient: { batch_size: 4, gradient_accumulation_steps: 8, dataloader_num_workers: 2, pin_memory: false, keep_checkpoints: 2 },
  fast_debug: {
    ...small,
    warmup_steps: 10,
    batch_size: 4,
    max_steps: 50,
    eval_every: 25,
    save_every: 50,
    log_every: 5,
    keep_checkpoints: 1,
  },
  cpu_quick: { ...cpu, warmup_steps: 50, causal_fraction: 0.33, max_steps: 900, eval_every: 200, save_every: 200, log_every: 20 },
  cpu_hour: { ...cpu, warmup_steps: 100, causal_fraction: 0.1, max_steps: 5000, eval_every: 500, save_every: 1000, log_every: 50 },
};

const stage = (
  name: string,
  epochs: number,
  masking_rate_range: readonly [number, number],
  data_selection: StageConfig['data_selection'],
  format_type: StageConfig['format_type'],
): StageConfig => ({ name, epochs, masking_rate_range, data_selection, format_type });

const three = [
  stage('foundation', 50, [0.75, 0.9], 'easy', 'sentences'),
  stage('structural', 100, [0.4, 0.6], 'medium', 'pairs'),
  stage('refinement', 150, [0.1, 0.3], 'all', 'paragraphs'),
];

const curriculum: Record<string, CurriculumInput> = {
  three_stage: { stages: three },
  single_stage: { stages: [stage('baseline', 300, [0.1, 0.9], 'all', 'sentences')] },
  fast_debug: {
    stages: [stage('debug_foundation', 2, [0.75, 0.9], 'easy', 'sentences'), stage('debug_refinement', 3, [0.1, 0.3], 'all', 'paragraphs')],
    transition_epochs: 0,
  },
  quick: {
    stages: [stage('text', 20, [0.05, 0.5], 'all', 'paragraphs')],
    full_range_fraction: 0.2,
    transition_epochs: 0,
    embedding_model: 'tfidf-svd',
  },
  three_stage_mixed: { stages: three, full_range_fraction: 0.2, embedding_model: 'tfidf-svd' },
};

const generation: Record<string, GenerationInput> = {
  creative: { temperature: 1, top_p: 0.9, num_steps: 100 },
  conservative: { temperature: 0.6, top_k: 50, num_steps: 30 },
  fast: { temperature: 0.7, num_steps: 20 },
};

/** A preset's parts, lowest first: each a name shown in messages and the values it sets. */
export type PresetLayers = { preset: string; values: ProjectInput }[];

const onBook: ProjectInput = { tokenizer: { type: 'bpe' }, device: 'auto' };

// Where the machine has 16-bit products, a trial before the run decides whether they pay: with AMX a step takes half the time.
const measured = { use_mixed_precision: true } satisfies TrainingInput;

// Measured on Moby-Dick, for runs of minutes to an hour on two cores (docs/log/README.md, 2026-11-23 and 2026-11-28).
const tuned = {
  // 0.02 to 0.07 bits/byte better than 8,192 after the same number of steps; 24,576 is worse again.
  model: { vocab_size: 16384 },
  // A rate of 0.0015 is 0.01 bits/byte better than 0.002.
  training: { learning_rate: 0.0015, wsd_decay_fraction: 0.55, ...measured },
  // A model this young reads best when it writes from left to right, one token after another, and no unlikely piece of a word (docs/log, 2026-11-30).
  generation: { sampler: 'first_hitting', block_length: 1, temperature: 0.8, top_p: 0.9, word_guard: 1 },
} satisfies ProjectInput;
// The shape is that of @mdiff/base-en. It stands here for the estimates made before the model folder is read, and gives way to it.
const based = {
  model: { init_from: 'base-en', n_layers: 7, max_seq_len: 256, vocab_size: 16384, dropout: 0 },
  training: {
    // Against 0.001: 0.010 bits/byte better after one pass over Frankenstein (three seeds), 0.020 after five (docs/log, 2026-11-30).
    learning_rate: 0.0005,
    warmup_steps: 20,
    wsd_decay_fraction: 0.6,
    // At equal steps it costs nothing in held-out NELBO, and the model stays able to write from left to right with a cache (docs/log, 2026-11-30).
    causal_fraction: 0.3,
    causal_order: 'throughout',
    batch_size: 8,
    eval_every: 100,
    save_every: 100,
    ...measured,
  },
} satisfies ProjectInput;
const projects: Record<string, { parts: string[]; own: ProjectInput }> = {
  default: { parts: [], own: {} },
  quickstart: {
    parts: ['model/micro', 'training/cpu_quick', 'curriculum/quick'],
    own: {
      ...onBook,
      model: based.model,
      // A short text is read at most twenty times, also where the minutes last for more.
      training: { ...based.training, max_minutes: 4, max_steps: null, on_max_steps: 'truncate' },
      generation: tuned.generation,
    },
  },
  quickstart_scratch: {
    parts: ['model/micro', 'training/cpu_quick', 'curriculum/quick'],
    own: {
      ...onBook,
      // In the same minutes four layers take a third more steps than six, and end 0.03 bits/byte lower.
      model: { ...tuned.model, n_layers: 4 },
      training: { ...tuned.training, max_steps: 1100, eval_every: 100 },
      generation: tuned.generation,
    },
  },
  // Half the rate and at most four passes end 0.011 bits/byte lower than quickstart. Nineteen passes at its rate end 0.041 higher, and dropout gains nothing
  // within a few (docs/log, 2026-12-01).
  book: {
    parts: ['model/micro', 'training/cpu_quick', 'curriculum/quick'],
    own: {
      ...onBook,
      model: based.model,
      curriculum: { stages: [stage('text', 4, [0.05, 0.5], 'all', 'paragraphs')] },
      training: {
        ...based.training,
        learning_rate: 0.00025,
        max_minutes: 30,
        max_steps: null,
        on_max_steps: 'truncate',
        eval_every: 250,
        save_every: 250,
      },
      generation: tuned.generation,
    },
  },
  book_scratch: {
    parts: ['model/micro', 'training/cpu_hour', 'curriculum/quick'],
    own: { ...onBook, model: { ...tuned.model, dropout: 0.1 }, training: tuned.training, generation: tuned.generation },
  },
  // A shelf of books: a constant rate with a short decay, so that a finished run can go on from before it. Half of the steps stay next-token
  // prediction, which keeps the ability to write from left to right.
  pretrain: {
    parts: ['model/micro', 'training/cpu_hour', 'curriculum/quick'],
    own: {
      ...onBook,
      model: { max_seq_len: 256 },
      training: {
        learning_rate: 0.001,
        warmup_steps: 200,
        wsd_decay_fraction: 0.2,
        causal_fraction: 0.5,
        causal_order: 'throughout',
        ema_decay: 0.999,
        batch_size: 8,
        max_steps: 50000,
        eval_every: 1000,
        save_every: 500,
        val_split: 0.01,
        ...measured,
      },
      generation: tuned.generation,
    },
  },
  fast_debug: {
    parts: ['model/nano', 'training/fast_debug', 'curriculum/fast_debug'],
    // Its stages alone leave rates between 0.3 and 0.75 out, and generation starts at 1.
    own: { ...onBook, curriculum: { embedding_model: 'tfidf-svd', full_range_fraction: 0.2 } },
  },
};

const byName = new Map<string, PresetLayers>();
const add = (section: string, table: Record<string, object>): void => {
  for (const [name, values] of Object.entries(table))
    byName.set(`${section}/${name}`, [{ preset: `${section}/${name}`, values: { [section]: values } }]);
};
add('model', model);
add('training', training);
add('curriculum', curriculum);
add('generation', generation);
for (const [name, { parts, own }] of Object.entries(projects)) {
  const layers = [...parts.flatMap((part) => byName.get(part)!), { preset: `project/${name}`, values: own }];
  byName.set(`project/${name}`, layers);
  byName.set(name, layers);
}
for (const name of ['tiny_125m', 'small_350m', 'nano', 'micro']) byName.set(name, byName.get(`model/${name}`)!);
for (const name of ['memory_efficient', 'cpu_quick', 'cpu_hour']) byName.set(name, byName.get(`training/${name}`)!);
for (const name of ['three_stage', 'single_stage', 'three_stage_mixed']) byName.set(name, byName.get(`curriculum/${name}`)!);
for (const name of ['creative', 'conservative', 'fast']) byName.set(name, byName.get(`generation/${name}`)!);

/** Every name `extends` and `--preset` accept. */
export const presetNames: readonly string[] = [...byName.keys()];

/** The layers of a preset, lowest first; undefined for an unknown name. */
export const presetLayers = (name: string): PresetLayers | undefined => byName.get(name);
