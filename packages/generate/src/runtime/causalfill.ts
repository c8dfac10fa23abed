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
  return async (rows, { vocabulary: V }) => {
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
    const groups = groupsOf(texts);
    let out: Float32Array = new Float32Array(0);
    for (const group of groups) {
      const logits = await passes.read(group.map((i): Reading => readingOf(texts[i]!)));
      if (groups.length === 1) {
        out = logits;
        break;
      }
      if (out.length === 0) out = new Float32Array(rows.length * V);
      group.forEach((i, place) => out.set(logits.subarray(place * V, (place + 1) * V), i * V));
    }
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
