// Passes of the graph that computes a stretch of a canvas and reads the rest from a cache (packages/model/src/block.ts). Knows no runtime.
import type { Tensor, TypedTensor } from 'onnxruntime-node';
import type { TensorClass } from './cache.js';
import type { Graph } from './fastest.js';

/** What a pass over a whole canvas of `length` positions leaves: keys and values [H, S, K] of each block, inputs [S, D] of each convolution, by name. */
export interface CanvasCache {
  readonly length: number;
  readonly parts: ReadonlyMap<string, Float32Array>;
}

/** Positions `start` to `end` of a canvas, and those whose hidden vectors are projected. */
export interface Stretch {
  readonly canvas: Int32Array;
  readonly start: number;
  readonly end: number;
  /** ascending, from `start` on */
  readonly hidden: readonly number[];
}

export interface BlockPasses {
  /** Whole canvases of any lengths → logits [M, V], row after row, and the cache of each. */
  whole(canvases: readonly { canvas: Int32Array; hidden: readonly number[] }[]): Promise<{ logits: Float32Array; caches: CanvasCache[] }>;
  /** Stretches of one length, each with the cache of its canvas → logits [M, V]. */
  stretches(stretches: readonly (Stretch & { readonly cache: CanvasCache })[]): Promise<Float32Array>;
}

/** The sizes of a part, less the batch: [H, places, K] or [R, D]. */
type Sizes = readonly [number, number, number];

/** The parts of a cache, by name, as the inputs of the graph have them. */
interface Layout {
  readonly attention: ReadonlyMap<string, { H: number; K: number }>;
  readonly windows: ReadonlyMap<string, { R: number; D: number }>;
}

type Feeds = Record<string, Tensor>;

export function blockPasses(session: Graph, Class: TensorClass): BlockPasses {
  const layout = layoutOf(session);
  const { attention, windows } = layout;
  const run = async (feeds: Feeds) => {
    const { logits, ...gained } = (await session.run(feeds)) as Record<string, TypedTensor<'float32'>>;
    return { logits: logits!.data, gained };
  };
  return {
    async whole(canvases) {
      const S = Math.max(...canvases.map(({ canvas }) => canvas.length));
      const { logits, gained } = await run(wholeFeeds(canvases, S, layout, Class));
      const caches = canvases.map(({ canvas: { length } }, b): CanvasCache => {
        const parts = new Map<string, Float32Array>();
        for (const [name, { H, K }] of attention) parts.set(name, narrowed(gained[name]!.data, b, [H, S, K], length));
        for (const [name, { D }] of windows) parts.set(name, narrowed(gained[name]!.data, b, [1, S, D], length));
        return { length, parts };
      });
      return { logits, caches };
    },
    stretches: async (all) => (await run(stretchFeeds(all, layout, Class))).logits,
  };
}

function layoutOf({ inputMetadata }: Graph): Layout {
  const attention = new Map<string, { H: number; K: number }>();
  const windows = new Map<string, { R: number; D: number }>();
  for (const input of inputMetadata) {
    if (!input.isTensor) continue;
    const shape = input.shape.map(Number);
    if (input.name.startsWith('past.')) attention.set(input.name.slice(5), { H: shape[1]!, K: shape[3]! });
    if (input.name.startsWith('left.')) windows.set(input.name.slice(5), { R: shape[1]!, D: shape[2]! });
  }
  return { attention, windows };
}

/** Canvases padded to `S`, with nothing to read around them. */
function wholeFeeds(canvases: Parameters<BlockPasses['whole']>[0], S: number, { attention, windows }: Layout, Class: TensorClass): Feeds {
  const B = canvases.length;
  const [ids, mask] = [new Int32Array(B * S), new Int32Array(B * S)];
  canvases.forEach(({ canvas }, b) => {
    ids.set(canvas, b * S);
    mask.fill(1, b * S, b * S + canvas.length);
  });
  const rows = Int32Array.from(canvases.flatMap(({ hidden }, b) => hidden.map((position) => b * S + position)));
  const feeds: Feeds = {
    input_ids: new Class('int32', ids, [B, S]),
    attention_mask: new Class('int32', mask, [B, S]),
    position: new Class('int32', new Int32Array(B), [B]),
    unread: new Class('float32', new Float32Array(B).fill(1), [B, 1]),
    rows: new Class('int32', rows, [rows.length]),
  };
  for (const [name, { H, K }] of attention) feeds[`past.${name}`] = new Class('float32', new Float32Array(B * H * K), [B, H, 1, K]);
  for (const [name, { R, D }] of windows)
    for (const side of ['left', 'right']) feeds[`${side}.${name}`] = new Class('float32', new Float32Array(B * R * D), [B, R, D]);
  return feeds;
}

function stretchFeeds(all: Parameters<BlockPasses['stretches']>[0], { attention, windows }: Layout, Class: TensorClass): Feeds {
  const B = all.length;
  const S = all[0]!.end - all[0]!.start;
  const C = Math.max(...all.map(({ cache }) => cache.length));
  const ids = new Int32Array(B * S);
  const unread = new Float32Array(B * C).fill(1);
  all.forEach(({ canvas, start, end, cache }, b) => {
    ids.set(canvas.subarray(start, end), b * S);
    unread.fill(0, b * C, b * C + start);
    unread.fill(0, b * C + end, b * C + cache.length);
  });
  const rows = Int32Array.from(all.flatMap(({ hidden, start }, b) => hidden.map((position) => b * S + position - start)));
  const starts = Int32Array.from(all, ({ start }) => start);
  const feeds: Feeds = {
    input_ids: new Class('int32', ids, [B, S]),
    attention_mask: new Class('int32', new Int32Array(B * S).fill(1), [B, S]),
    position: new Class('int32', starts, [B]),
    unread: new Class('float32', unread, [B, C]),
    rows: new Class('int32', rows, [rows.length]),
  };
  for (const [name, { H, K }] of attention) {
    const past = new Float32Array(B * H * C * K);
    const size = H * C * K;
    all.forEach(({ cache }, b) => widen(cache.parts.get(name)!, past.subarray(b * size, (b + 1) * size), [H, cache.length, K], C));
    feeds[`past.${name}`] = new Class('float32', past, [B, H, C, K]);
  }
  for (const [name, { R, D }] of windows) {
    const [left, right] = [new Float32Array(B * R * D), new Float32Array(B * R * D)];
    all.forEach(({ cache, start, end }, b) => {
      const part = cache.parts.get(name)!;
      // Beyond the ends of the canvas there are zeros.
      const first = Math.max(0, start - R);
      left.set(part.subarray(first * D, start * D), (b * R + R - (start - first)) * D);
      right.set(part.subarray(end * D, (end + R) * D), b * R * D);
    });
    feeds[`left.${name}`] = new Class('float32', left, [B, R, D]);
    feeds[`right.${name}`] = new Class('float32', right, [B, R, D]);
  }
  return feeds;
}

/** Row b of [B, H, S, K] with the first `length` of its S places: [H, length, K]. */
function narrowed(data: Float32Array, b: number, [H, S, K]: Sizes, length: number): Float32Array {
  const out = new Float32Array(H * length * K);
  for (let h = 0; h < H; h++) {
    const first = (b * H + h) * S * K;
    out.set(data.subarray(first, first + length * K), h * length * K);
  }
  return out;
}

/** Puts [H, S, K] into the first places of [H, C, K]. */
function widen(data: Float32Array, out: Float32Array, [H, S, K]: Sizes, C: number): void {
  for (let h = 0; h < H; h++) out.set(data.subarray(h * S * K, (h + 1) * S * K), h * C * K);
}
