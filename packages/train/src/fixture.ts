import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectConfig } from '@mdiff/config';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';

// A book of made-up sentences with some structure, and a model that learns it in seconds: for this package's tests only.

const subjects = ['The whale', 'A sailor', 'The captain', 'Our ship', 'The old harpooner', 'My friend'];
const verbs = ['saw', 'followed', 'feared', 'remembered', 'painted', 'sold'];
const objects = ['the sea', 'a white bird', 'the long night', 'an island', 'the storm', 'a wooden leg'];

export function tinyBook(paragraphs = 120, seed = 1): string {
  const rng = stream(seed, 'tiny book');
  const pick = (list: readonly string[]): string => list[rng.int(list.length)]!;
  const sentence = (): string => `${pick(subjects)} ${pick(verbs)} ${pick(objects)}.`;
  return Array.from({ length: paragraphs }, () => Array.from({ length: 1 + rng.int(4) }, sentence).join(' ')).join('\n\n');
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

export async function tinyRun(changes: ProjectInput = {}): Promise<{ folder: string; config: ProjectConfig; book: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'mdiff-train-'));
  const book = join(folder, 'book.txt');
  await writeFile(book, tinyBook());
  const config = projectConfig({
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
  });
  return { folder, config, book };
}
