// Texts that are written from left to right, each with a cache of what was read of it, in shared passes. Knows no runtime: the caller passes its
// session and its tensor.
import type { Tensor, TypedTensor } from 'onnxruntime-node';
import type { Graph } from './fastest.js';

export type TensorClass = new (type: 'float32' | 'int32', data: Float32Array | Int32Array, dims: readonly number[]) => Tensor;

/** What reading a text has left behind. */
export interface TextCache {
  /** tokens that were read, `[BOS]` included */
  read: number;
  /** C, the most that it holds */
  readonly places: number;
  /** by name: keys and values [H, C, K] of each block, or the last inputs [R, D] of a convolution */
  readonly parts: ReadonlyMap<string, Float32Array>;
}

/** The next tokens of a text, at least one. */
export interface Reading {
  readonly cache: TextCache;
  readonly ids: Int32Array;
}

export interface CausalPasses {
  /** Of a text of at most `places` tokens, none of which was read. */
  empty(places: number): TextCache;
  copy(cache: TextCache): TextCache;
  /** One pass over texts that stand anywhere → logits [B, V] of what follows the last token of each; the caches then hold these tokens. */
  read(readings: readonly Reading[]): Promise<Float32Array>;
  /** As `read`, and asks for no logits: half the time for a text alone, since most weights of a small model are those of its vocabulary. */
  readOnly(readings: readonly Reading[]): Promise<void>;
}

/** [H, ·, K] of keys or values, [R, D] of a convolution. */
interface Part {
  readonly name: string;
  readonly grows: boolean;
  readonly rows: number;
  readonly columns: number;
}

const PAST = 'past.';

/** Passes of the causal graph (packages/model/src/cached.ts). */
export function causalPasses(session: Graph, Class: TensorClass): CausalPasses {
  const parts = session.inputMetadata.flatMap((input): Part[] => {
    if (!input.name.startsWith(PAST) || !input.isTensor) return [];
    const shape = input.shape.map(Number);
    return [{ name: input.name.slice(PAST.length), grows: shape.length === 4, rows: shape[1]!, columns: shape.at(-1)! }];
  });
  const buffers = reusable();
  let before: Promise<unknown> = Promise.resolve();
  async function readNow(readings: readonly Reading[], asked: readonly Reading[]): Promise<Float32Array> {
    const S = Math.max(...readings.map(({ ids }) => ids.length));
    const outputs = await session.run(feedsOf(readings, { asked, parts, S, Class, buffers }));
    const { logits, ...gained } = outputs as Record<string, TypedTensor<'float32'>>;
    readings.forEach((reading, b) => {
      for (const part of parts) (part.grows ? insert : shift)(reading, part, row(gained[part.name]!.data, b, readings.length), S);
      reading.cache.read += reading.ids.length;
    });
    return logits!.data;
  }
  /** One after the other: they share the arrays of their inputs. */
  function inOrder(read: () => Promise<Float32Array>): Promise<Float32Array> {
    const pass = before.then(read);
    before = pass.catch(() => undefined);
    return pass;
  }
  return {
    empty: (places) => ({
      read: 0,
      places,
      parts: new Map(
        parts.map(({ name, grows, rows, columns }) => [name, new Float32Array(rows * columns * (grows ? places : 1))] as const),
      ),
    }),
    copy: ({ parts: old, ...cache }) => ({ ...cache, parts: new Map([...old].map(([name, data]) => [name, data.slice()])) }),
    read: (readings) => inOrder(() => readNow(readings, readings)),
    readOnly: async (readings) => void (await inOrder(() => readNow(readings, []))),
  };
}

const row = (data: Float32Array, b: number, B: number): Float32Array => data.subarray((b * data.length) / B, ((b + 1) * data.length) / B);

/** Arrays for the inputs of a pass, by name: a pass leaves them to the next one. Megabytes of new ones a pass would keep the garbage collector busy. */
function reusable(): (name: string, size: number) => Float32Array {
  const arrays = new Map<string, Float32Array>();
  return (name, size) => {
    let array = arrays.get(name);
    if (array === undefined || array.length < size) {
      array = new Float32Array(2 * size);
      arrays.set(name, array);
    }
    return array.subarray(0, size);
  };
}

interface FeedsArgs {
  /** the first of the texts, whose logits are wanted */
  readonly asked: readonly Reading[];
  readonly parts: readonly Part[];
  readonly S: number;
  readonly Class: TensorClass;
  readonly buffers: ReturnType<typeof reusable>;
}

/** New tokens padded to `S`: no token sees what stands behind it. */
function feedsOf(readings: readonly Reading[], { asked, parts, S, Class, buffers }: FeedsArgs): Record<string, Tensor> {
  const B = readings.length;
  const C = Math.max(1, ...readings.map(({ cache }) => cache.read));
  const ids = new Int32Array(B * S);
  readings.forEach((reading, b) => ids.set(reading.ids, b * S));
  const feeds: Record<string, Tensor> = {
    input_ids: new Class('int32', ids, [B, S]),
    position: new Class(
      'int32',
      Int32Array.from(readings, ({ cache }) => cache.read),
      [B],
    ),
    rows: new Class(
      'int32',
      Int32Array.from(asked, (reading, b) => b * S + reading.ids.length - 1),
      [asked.length],
    ),
  };
  for (const { name, grows, rows, columns } of parts) {
    const size = rows * columns * (grows ? C : 1);
    // The places of a text that are not read keep numbers of other texts: all are finite.
    const past = buffers(name, B * size);
    readings.forEach(({ cache }, b) => {
      const data = cache.parts.get(name)!;
      if (!grows) return past.set(data, b * size);
      const [from, used] = [cache.places * columns, cache.read * columns];
      for (let h = 0; h < rows; h++) past.set(data.subarray(h * from, h * from + used), b * size + h * C * columns);
    });
    feeds[PAST + name] = new Class('float32', past, grows ? [B, rows, C, columns] : [B, rows, columns]);
  }
  return feeds;
}

/** Puts the new keys or values [H, S, K] of a text behind those that it has. */
function insert({ cache, ids }: Reading, { name, rows, columns }: Part, gained: Float32Array, S: number): void {
  const data = cache.parts.get(name)!;
  for (let h = 0; h < rows; h++)
    data.set(gained.subarray(h * S * columns, (h * S + ids.length) * columns), (h * cache.places + cache.read) * columns);
}

/** The last R inputs of a convolution, after new ones [S, D]. */
function shift({ cache, ids: { length } }: Reading, { name, rows, columns }: Part, gained: Float32Array): void {
  const data = cache.parts.get(name)!;
  const fresh = Math.min(rows, length);
  data.copyWithin(0, fresh * columns);
  data.set(gained.subarray((length - fresh) * columns, length * columns), (rows - fresh) * columns);
}
