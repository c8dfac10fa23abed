// The caches of Fast-dLLM (arXiv 2505.22618): the first pass of a block computes the whole canvas. The later ones compute the block alone (dual), or the
// block and all that stands behind it (prefix), and read the rest as it was when all of the block was masked. So the logits depend on the canvas and its
// block alone, and not on passes before: a cache that is missing is made anew.
import type { BlockPasses, CanvasCache, Stretch } from './blockpass.js';
import type { FillPass, FillRow } from './filling.js';
import type { Reserved } from './feed.js';

/** A row of which a stretch is computed. */
interface Cached extends Stretch {
  readonly owner: object;
  /** the canvas with all of its block masked */
  readonly snapshot: Int32Array;
  readonly key: string;
}

export type CacheKind = 'dual' | 'prefix';

/** A stretch of more than this share of its canvas is computed with all of it, and exactly: little would be saved. */
const LARGEST_SHARE: Readonly<Record<CacheKind, number>> = { dual: 0.5, prefix: 0.8 };

/** @param plain computes rows without a cache */
export function cachedPasses(passes: BlockPasses, plain: FillPass, kind: CacheKind): FillPass {
  // Of each filling, what its rows read in its last pass.
  const kept = new WeakMap<object, ReadonlyMap<string, CanvasCache>>();
  return async (rows, reserved) => {
    const places = new Map<number, Float32Array>();
    const whole: number[] = [];
    const cached = new Map<number, Cached>();
    for (const [i, row] of rows.entries()) {
      const part = cachedOf(row, reserved, kind);
      if (part) cached.set(i, part);
      else whole.push(i);
    }
    const put = (indices: readonly number[], logits: Float32Array): void => {
      let first = 0;
      for (const i of indices) {
        const size = rows[i]!.positions.length * reserved.vocabulary;
        places.set(i, logits.subarray(first, first + size));
        first += size;
      }
    };
    if (whole.length > 0)
      put(
        whole,
        await plain(
          whole.map((i) => rows[i]!),
          reserved,
        ),
      );
    const caches = await cachesOf(passes, [...cached], { kept, put });
    const left = [...cached].filter(([i]) => !places.has(i));
    // A pass takes stretches of one length, so that none is padded.
    for (const length of new Set(left.map(([, { start, end }]) => end - start))) {
      const some = left.filter(([, { start, end }]) => end - start === length);
      const logits = await passes.stretches(some.map(([, part]) => ({ ...part, cache: caches.get(part)! })));
      put(
        some.map(([i]) => i),
        logits,
      );
    }
    return joined(rows, places, reserved.vocabulary);
  };
}

function cachedOf({ canvas, positions, block = [], owner }: FillRow, { maskId, shiftHead }: Reserved, kind: CacheKind): Cached | null {
  if (block.length === 0) return null;
  const shift = shiftHead ? 1 : 0;
  const [start, end] = [block[0]! - shift, kind === 'prefix' ? canvas.length : block.at(-1)! + 1];
  if (end - start > LARGEST_SHARE[kind] * canvas.length) return null;
  const snapshot = canvas.slice();
  for (const position of block) snapshot[position] = maskId;
  return { canvas, start, end, hidden: Array.from(positions, (position) => position - shift), owner, snapshot, key: snapshot.join() };
}

interface CachesArgs {
  readonly kept: WeakMap<object, ReadonlyMap<string, CanvasCache>>;
  /** takes the logits of rows that a pass for a cache has computed on its way */
  readonly put: (rows: readonly number[], logits: Float32Array) => void;
}

/** The cache of each part. One pass makes those that are missing; it also answers the rows whose block is still masked. */
async function cachesOf(
  passes: BlockPasses,
  parts: readonly (readonly [number, Cached])[],
  { kept, put }: CachesArgs,
): Promise<Map<Cached, CanvasCache>> {
  const caches = new Map<Cached, CanvasCache>();
  const missing: (readonly [number, Cached])[] = [];
  for (const [i, part] of parts) {
    const known = kept.get(part.owner)?.get(part.key);
    if (known) caches.set(part, known);
    else missing.push([i, part]);
  }
  if (missing.length > 0) {
    const made = await passes.whole(missing.map(([, { snapshot, hidden }]) => ({ canvas: snapshot, hidden })));
    const V = made.logits.length / missing.reduce((sum, [, { hidden }]) => sum + hidden.length, 0);
    let first = 0;
    missing.forEach(([i, part], m) => {
      caches.set(part, made.caches[m]!);
      const size = part.hidden.length * V;
      if (part.canvas.every((id, p) => id === part.snapshot[p])) put([i], made.logits.subarray(first, first + size));
      first += size;
    });
  }
  const byOwner = new Map<object, Map<string, CanvasCache>>();
  for (const [part, cache] of caches) {
    const some = byOwner.get(part.owner) ?? new Map<string, CanvasCache>();
    byOwner.set(part.owner, some.set(part.key, cache));
  }
  for (const [owner, some] of byOwner) kept.set(owner, some);
  return caches;
}

function joined(rows: readonly FillRow[], places: ReadonlyMap<number, Float32Array>, V: number): Float32Array {
  if (rows.length === 1) return places.get(0)!;
  const out = new Float32Array(V * rows.reduce((sum, { positions }) => sum + positions.length, 0));
  let first = 0;
  for (const i of rows.keys()) {
    out.set(places.get(i)!, first);
    first += places.get(i)!.length;
  }
  return out;
}
