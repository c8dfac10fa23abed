import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stream } from '@mdiff/diffusion';
import { writeSafetensors } from '@mdiff/folder';
import type { NamedTensor } from '@mdiff/folder';

// A BERT of random weights in a folder as Hugging Face has it.
export const [D, H, L, P] = [16, 2, 2, 20] as const;
const F = 24;
export const config = {
  model_type: 'bert',
  hidden_act: 'gelu',
  hidden_size: D,
  num_attention_heads: H,
  num_hidden_layers: L,
  intermediate_size: F,
  max_position_embeddings: P,
  layer_norm_eps: 1e-12,
};
const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'the', 'whale', 'sea', 'saw', 'ship', 'cap', '##tain', '.'];

export const weights = (() => {
  const rng = stream(3, 'encoder');
  const tensor = (name: string, ...shape: number[]): NamedTensor => ({
    name,
    shape,
    data: Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      () => (name.endsWith('LayerNorm.weight') ? 1 : 0) + 0.3 * rng.normal(),
    ),
  });
  const linear = (name: string, out: number, from: number) => [tensor(`${name}.weight`, out, from), tensor(`${name}.bias`, out)];
  const norm = (name: string) => [tensor(`${name}.weight`, D), tensor(`${name}.bias`, D)];
  return [
    tensor('embeddings.word_embeddings.weight', words.length, D),
    tensor('embeddings.position_embeddings.weight', P, D),
    tensor('embeddings.token_type_embeddings.weight', 2, D),
    ...norm('embeddings.LayerNorm'),
    ...Array.from({ length: L }, (_, i) => `encoder.layer.${i}`).flatMap((at) => [
      ...['query', 'key', 'value'].flatMap((part) => linear(`${at}.attention.self.${part}`, D, D)),
      ...linear(`${at}.attention.output.dense`, D, D),
      ...norm(`${at}.attention.output.LayerNorm`),
      ...linear(`${at}.intermediate.dense`, F, D),
      ...linear(`${at}.output.dense`, D, F),
      ...norm(`${at}.output.LayerNorm`),
    ]),
    tensor('pooler.dense.weight', D, D),
  ];
})();

const tokenizer = {
  version: '1.0',
  truncation: { direction: 'Right', max_length: 4, strategy: 'LongestFirst', stride: 0 },
  padding: { strategy: { Fixed: 16 }, direction: 'Right', pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' },
  added_tokens: [],
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] }, '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] } },
  },
  decoder: null,
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(words.map((word, i) => [word, i])),
  },
};

export const parts = {
  'config.json': JSON.stringify(config),
  'model.safetensors': writeSafetensors(weights),
  'tokenizer.json': JSON.stringify(tokenizer),
};

/** Writes files under `folder/name`. */
export async function place(folder: string, name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const at = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(at, path)), { recursive: true });
    await writeFile(join(at, path), content);
  }
  return at;
}
