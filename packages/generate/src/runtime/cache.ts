// The cache of texts that are written from left to right. It knows no runtime: each passes its session and its tensor.
import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-node';
import type { CacheSize, NextTokens } from './session.js';

export type TensorClass = new (type: 'float32' | 'int32', data: Float32Array | Int32Array, dims: readonly number[]) => Tensor;

/** Keys and values of one block [B, H, C, K], or the last inputs of a convolution [B, R, D]. */
interface Part {
  readonly data: Float32Array;
  readonly dims: readonly number[];
  /** false: each pass replaces it whole */
  readonly grows: boolean;
}

export interface TextCache {
  /** The tokens after those that were given so far → logits [B, V] of what follows the last of them. */
  next(tokens: NextTokens): Promise<Float32Array>;
  /** Keeps these rows, and drops the others; one that is named twice is there twice. */
  keep(rows: readonly number[]): void;
}

const PAST = 'past.';

/** A cache for `batch` texts of at most `places` tokens, as the graph of `session` has it (packages/model/src/cached.ts). */
export function textCache(session: InferenceSession, Class: TensorClass, { batch, places }: CacheSize): TextCache {
  let B = batch;
  let position = 0;
  const parts = new Map<string, Part>();
  for (const input of session.inputMetadata) {
    if (!input.name.startsWith(PAST) || !input.isTensor) continue;
    const [, ...open] = input.shape;
    const dims = [B, ...open.map((dim) => (typeof dim === 'number' ? dim : places))];
    const data = new Float32Array(dims.reduce((product, n) => product * n, 1));
    parts.set(input.name.slice(PAST.length), { data, dims, grows: dims.length === 4 });
  }
  return {
    async next({ ids, length: S }) {
      const rows = Int32Array.from({ length: B }, (_, b) => (b + 1) * S - 1);
      const feeds: Record<string, Tensor> = {
        input_ids: new Class('int32', ids, [B, S]),
        position: new Class('int32', Int32Array.of(position), []),
        rows: new Class('int32', rows, [B]),
      };
      for (const [name, { data, dims }] of parts) feeds[PAST + name] = new Class('float32', data, dims);
      const { logits, ...gained } = (await session.run(feeds)) as Record<string, TypedTensor<'float32'>>;
      for (const [name, part] of parts) {
        const { data } = gained[name]!;
        if (part.grows) insert(part, data, position, S);
        else part.data.set(data);
      }
      position += S;
      return logits!.data;
    },
    keep(rows) {
      for (const [name, part] of parts) parts.set(name, keepRows(part, rows));
      B = rows.length;
    },
  };
}

/** Writes [B, H, S, K] into [B, H, C, K] at a place of the third axis. */
function insert({ data, dims }: Part, gained: Float32Array, place: number, S: number): void {
  const [C, K] = [dims[2]!, dims[3]!];
  for (let head = 0; head * C * K < data.length; head++)
    data.set(gained.subarray(head * S * K, (head + 1) * S * K), (head * C + place) * K);
}

function keepRows({ data, dims: [B, ...dims], grows }: Part, rows: readonly number[]): Part {
  const size = data.length / B!;
  const kept = new Float32Array(size * rows.length);
  rows.forEach((row, i) => kept.set(data.subarray(row * size, (row + 1) * size), i * size));
  return { data: kept, dims: [rows.length, ...dims], grows };
}
