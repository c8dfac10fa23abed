import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// A book of made-up sentences with some structure, and the settings of a model that learns it in seconds.

const subjects = ['The whale', 'A sailor', 'The captain', 'Our ship', 'The old harpooner', 'My friend'];
const verbs = ['saw', 'followed', 'feared', 'remembered', 'painted', 'sold'];
const objects = ['the sea', 'a white bird', 'the long night', 'an island', 'the storm', 'a wooden leg'];

/** A 32-bit linear congruential generator (constants of Numerical Recipes): this package imports no other, so it brings its own. */
function draws(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

export function tinyBook(paragraphs = 120, seed = 1): string {
  const below = draws(seed);
  const pick = (list: readonly string[]): string => list[below(list.length)]!;
  const sentence = (): string => `${pick(subjects)} ${pick(verbs)} ${pick(objects)}.`;
  return Array.from({ length: paragraphs }, () => Array.from({ length: 1 + below(4) }, sentence).join(' ')).join('\n\n');
}

export const tinyModel = {
  d_model: 16,
  n_layers: 1,
  n_heads: 2,
  d_ff: 32,
  vocab_size: 300,
  max_seq_len: 48,
  dropout: 0,
  attention_dropout: 0,
  tie_embeddings: true,
  conv_width: 3,
  shift_head: true,
} as const;

type Sections = Record<'hardware' | 'model' | 'data' | 'curriculum' | 'training', object>;

/** A fresh folder with the tiny book and the configuration of a run on it, made by `configure` (`projectConfig` of @mdiff/config). */
export async function tinyRun<Input extends object, Config>(
  configure: (input: Input) => Config,
  changes: Partial<Sections> & object = {},
): Promise<{ folder: string; config: Config; book: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'mdiff-train-'));
  const book = join(folder, 'book.txt');
  await writeFile(book, tinyBook());
  const config = configure({
    experiment_name: 'tiny',
    output_dir: join(folder, 'outputs'),
    cache_dir: join(tmpdir(), 'mdiff-train-cache'), // one for all tests: the tokenizer is learnt once
    device: 'cpu',
    ...changes,
    hardware: { cpu_threads: 1, ...changes.hardware },
    model: { ...tinyModel, ...changes.model },
    tokenizer: { type: 'bpe' },
    data: { source: book, ...changes.data },
    curriculum: {
      stages: [{ name: 'text', epochs: 2, masking_rate_range: [0.05, 0.5], data_selection: 'all', format_type: 'paragraphs' }],
      transition_epochs: 0,
      full_range_fraction: 0.2,
      ...changes.curriculum,
    },
    training: {
      learning_rate: 0.01,
      min_learning_rate: 0,
      scheduler: 'wsd',
      warmup_steps: 5,
      batch_size: 4,
      max_steps: 20,
      eval_every: 10,
      save_every: 5,
      log_every: 5,
      patience: 0,
      use_gradient_checkpointing: false,
      use_mixed_precision: false,
      dataloader_num_workers: 0,
      pin_memory: false,
      mask_sampling: 'exact_count',
      causal_fraction: 0.25,
      ...changes.training,
    },
  } as unknown as Input);
  return { folder, config, book };
}
