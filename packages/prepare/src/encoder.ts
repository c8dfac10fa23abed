import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Embedder, Embedding } from '@mdiff/curriculum/scores';
import type { InferenceSession } from 'onnxruntime-node';
import { Tokenizer } from 'tokenizers';
import { file, parsed, problemThen } from './encoderfiles.js';
import { closing } from '@mdiff/folder';
import { sha256 } from '@mdiff/folder/node';

// ONNX Runtime is loaded when an encoder opens: this file comes with the package's entry, also to commands that only read text.
//
// Sentence embeddings by an encoder in a folder: `onnx/model.onnx`, `tokenizer.json`, `config.json` and, if it has one, `sentence_bert_config.json`.

const BATCH_SENTENCES = 64;
// The values of one batch fit a core's cache, which takes a third less time than batches of 4,096.
const BATCH_TOKENS = 512;

/** an error about the folder of an encoder that scores a text */
const problem = problemThen(
  'run "mdiff embeddings fetch --fresh" to make the folder again, or set curriculum.embedding_model to "tfidf-svd"',
);

/** The most tokens of a sentence, [CLS] and [SEP] included: the limit of sentence-transformers, else the number of positions. */
async function limitOf(folder: string): Promise<number> {
  const { max_position_embeddings = 512 } = parsed<{ max_position_embeddings?: number }>(
    (await file(join(folder, 'config.json'), problem)).toString('utf8'),
    join(folder, 'config.json'),
    problem,
  );
  const limits = await readFile(join(folder, 'sentence_bert_config.json'), 'utf8').then(
    (text) => JSON.parse(text) as { max_seq_length?: number },
    () => undefined,
  );
  return Math.min(limits?.max_seq_length ?? max_position_embeddings, max_position_embeddings);
}

/** An encoder in memory. */
export interface OpenEncoder {
  embed(sentences: readonly string[]): Promise<Embedding>;
  close(): Promise<void>;
}

/** An embedder in a folder, which a worker thread can open for itself. */
export interface EncoderEmbedder extends Embedder {
  folder: string;
}

/**
 * The encoder of a folder, run by ONNX Runtime in batches of similar length: mean-pooled, of unit length, as sentence-transformers gives them. Padding and
 * truncation in `tokenizer.json` are switched off; a sentence is cut only where the encoder's positions end.
 * @throws MdiffError MDIFF_EMBEDDINGS naming the file that is missing or damaged
 */
export async function onnxEmbedder(name: string, folder: string, threads: number): Promise<EncoderEmbedder> {
  const [model, vocabulary, limit] = await Promise.all([
    file(join(folder, 'onnx', 'model.onnx'), problem),
    file(join(folder, 'tokenizer.json'), problem),
    limitOf(folder),
  ]);
  return {
    name,
    folder,
    version: `onnx 2, ${sha256(model).slice(0, 16)}, ${sha256(vocabulary).slice(0, 16)}, ${limit} tokens`,
    embed: async (sentences, advance) => {
      const encoder = await openEncoder(folder, threads);
      return closing(encoder, async () => {
        const embedding = await encoder.embed(sentences);
        advance?.(sentences.length);
        return embedding;
      });
    },
  };
}

/** Loads the encoder of a folder. Throws as `onnxEmbedder` does. */
export async function openEncoder(folder: string, threads: number): Promise<OpenEncoder> {
  const path = join(folder, 'onnx', 'model.onnx');
  const vocabulary = join(folder, 'tokenizer.json');
  const [model, text, limit] = await Promise.all([file(path, problem), file(vocabulary, problem), limitOf(folder)]);
  const tokenizer = open(text.toString('utf8'), vocabulary);
  tokenizer.disablePadding();
  tokenizer.setTruncation(limit);
  const { InferenceSession } = await import('onnxruntime-node');
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 }).catch(
    (error: Error) => {
      throw problem(path, 'an ONNX encoder', error.message.split('\n')[0]!);
    },
  );
  return { embed: async (sentences) => embedAll(session, await tokenize(tokenizer, sentences)), close: () => session.release() };
}

function open(vocabulary: string, path: string): Tokenizer {
  try {
    return Tokenizer.fromString(vocabulary);
  } catch (error) {
    throw problem(path, "a tokenizer of the 'tokenizers' library", (error as Error).message);
  }
}

async function tokenize(tokenizer: Tokenizer, sentences: readonly string[]): Promise<number[][]> {
  const ids: number[][] = [];
  for (let first = 0; first < sentences.length; first += 1024) {
    for (const encoding of await tokenizer.encodeBatch(sentences.slice(first, first + 1024))) ids.push(encoding.getIds());
  }
  return ids;
}

async function embedAll(session: InferenceSession, ids: readonly (readonly number[])[]): Promise<Embedding> {
  // Sorted by length, so that batches have little padding; the batches depend only on the sentences.
  const order = Array.from(ids.keys()).sort((a, b) => ids[a]!.length - ids[b]!.length || a - b);
  let result: Embedding | undefined;
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && to - from < BATCH_SENTENCES && (to === from || (to - from + 1) * ids[order[to]!]!.length <= BATCH_TOKENS))
      to++;
    const members = order.slice(from, to);
    const { data, dimensions } = await embedBatch(
      session,
      members.map((i) => ids[i]!),
    );
    result ??= { data: new Float32Array(ids.length * dimensions), dimensions };
    members.forEach((i, row) => result!.data.set(data.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions));
    from = to;
  }
  return result ?? { data: new Float32Array(0), dimensions: 0 };
}

async function embedBatch(session: InferenceSession, rows: readonly (readonly number[])[]): Promise<Embedding> {
  const [B, S] = [rows.length, Math.max(1, ...rows.map(({ length }) => length))];
  const filled = (value: (row: readonly number[], position: number) => number): number[] =>
    rows.flatMap((row) => Array.from({ length: S }, (_, s) => value(row, s)));
  const values: Record<string, number[]> = {
    input_ids: filled((row, s) => row[s] ?? 0),
    attention_mask: filled((row, s) => (s < row.length ? 1 : 0)),
    token_type_ids: filled(() => 0),
  };
  const { Tensor } = await import('onnxruntime-node');
  // Encoders that other programs exported take int64.
  const feeds = session.inputMetadata.map((input) => {
    const list = values[input.name] ?? [];
    const wide = input.isTensor && input.type === 'int64';
    return [
      input.name,
      wide ? new Tensor('int64', BigInt64Array.from(list, BigInt), [B, S]) : new Tensor('int32', Int32Array.from(list), [B, S]),
    ] as const;
  });
  const outputs = await session.run(Object.fromEntries(feeds));
  const output = outputs['embedding'] ?? outputs['sentence_embedding'] ?? outputs[session.outputNames[0]!]!;
  return pooled(output.data as Float32Array, output.dims, values['attention_mask']!);
}

/** Sentence vectors [B, D] of unit length: from [B, D] as they are, from the tokens' [B, S, D] by their mean. */
function pooled(data: Float32Array, dims: readonly number[], mask: readonly number[]): Embedding {
  const [B, S, D] = dims.length === 3 ? (dims as [number, number, number]) : ([dims[0]!, 1, dims[1]!] as const);
  const out = new Float32Array(B * D);
  for (let b = 0; b < B; b++) {
    const row = out.subarray(b * D, (b + 1) * D);
    for (let s = 0; s < S; s++) {
      if (dims.length === 3 && mask[b * S + s] === 0) continue;
      for (let j = 0; j < D; j++) row[j]! += data[(b * S + s) * D + j]!;
    }
    const length = Math.hypot(...row);
    if (length > 0) for (let j = 0; j < D; j++) row[j]! /= length;
  }
  return { data: out, dimensions: D };
}
