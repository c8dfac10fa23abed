// Canvases that are filled from left to right: a pass reads of each the tokens that no pass has read before.
import type { CausalPasses, Reading, TextCache } from './cache.js';
import type { FillPass, FillRow } from './filling.js';

/** A text, and the cache of as much of it as was read. */
interface Known {
  readonly ids: Int32Array;
  readonly cache: TextCache;
}

/**
 * Computes the first mask of each canvas. A canvas is known by its tokens in front of the mask, since a filling asks for equal canvases once: a prompt is
 * read once for all its texts, which part with their first token. A cache that is missing is made anew.
 */
export function causalFill(passes: CausalPasses): FillPass {
  // Of each filling, the texts of its last pass.
  const kept = new WeakMap<object, readonly Known[]>();
  /** Reads all but the last token of each text. */
  async function readTo(some: readonly Known[]): Promise<void> {
    const readings = some.map(({ ids, cache }) => ({ cache, ids: ids.subarray(cache.read, -1) })).filter(({ ids }) => ids.length > 0);
    if (readings.length > 0) await passes.readOnly(readings);
  }
  return async (rows) => {
    const used = new Set<TextCache>();
    const texts = rows.map((row): Known => {
      const ids = row.canvas.slice(0, row.positions[0]);
      const before = longestBefore(kept.get(row.owner) ?? [], ids);
      if (before === undefined) return { ids, cache: passes.empty(row.canvas.length) };
      // Two texts that begin alike go on with a cache each.
      const cache = used.has(before) ? passes.copy(before) : before;
      used.add(before);
      return { ids, cache };
    });
    // All but the last token of each first, so that texts which have more to read than others share the pass over the vocabulary with them. Always, even
    // of a text alone: to the bit its logits depend on where its tokens are cut, and not on the texts beside it.
    for (const group of groupsOf(texts)) await readTo(group.map((i) => texts[i]!));
    const out = await passes.read(texts.map(readingOf));
    for (const [owner, some] of byOwner(rows, texts)) kept.set(owner, some);
    return out;
  };
}

const readingOf = ({ ids, cache }: Known): Reading => ({ cache, ids: ids.subarray(cache.read) });

/** The cache that has read most of a text, but not all of it. */
function longestBefore(known: readonly Known[], ids: Int32Array): TextCache | undefined {
  let best: Known | undefined;
  for (const one of known) {
    const begins = one.ids.length < ids.length && one.ids.every((id, i) => id === ids[i]);
    if (begins && one.ids.length > (best?.ids.length ?? 0)) best = one;
  }
  return best?.cache;
}

/** Indices of texts with about as many tokens to read: those with few are not padded to those with many. */
function groupsOf(texts: readonly Known[]): number[][] {
  const groups = new Map<number, number[]>();
  texts.forEach(({ ids, cache }, i) => {
    const shape = Math.ceil(Math.log2(ids.length - cache.read));
    groups.set(shape, [...(groups.get(shape) ?? []), i]);
  });
  return [...groups.values()];
}

function byOwner(rows: readonly FillRow[], texts: readonly Known[]): Map<object, Known[]> {
  const owners = new Map<object, Known[]>();
  rows.forEach(({ owner }, i) => owners.set(owner, [...(owners.get(owner) ?? []), texts[i]!]));
  return owners;
}
