// Which words may be written. A word is one or more token ids, so a rule on words looks at the tokens beside a position.

/** Words as token ids, in every spelling that counts. Sampling option `letters` says where words begin and end. */
export interface WordRules {
  /** never written as whole words */
  forbidden: readonly Int32Array[];
  /**
   * the only words that are written, −1 behind each (one array, as a book has thousands of words); null = all. A word of several ids is only written
   * whole if ids are committed from left to right
   */
  allowed: Int32Array | null;
}

export const STARTS = 1;
export const ENDS = 2;

/** Whether `id` goes on inside the word that `before` ends in; a negative id is no token of the text. */
export const goesOn = (letters: Uint8Array, before: number, id: number): boolean =>
  ((letters[before] ?? 0) & ENDS) !== 0 && ((letters[id] ?? 0) & STARTS) !== 0;

interface Surroundings {
  /** the id at a canvas index; −1 = masked, or no token of the text */
  id(position: number): number;
  letters: Uint8Array;
  /** a committed id may still change */
  remasking: boolean;
}

/** Sets x to −∞ for every id that would break a rule at this position, as far as the tokens beside it say. */
export function banWords(x: Float64Array, position: number, rules: WordRules, around: Surroundings): void {
  if (rules.allowed !== null) keepOnly(x, allowedIds(position, rules.allowed, around));
  for (const word of rules.forbidden) {
    for (let k = 0; k < word.length; k++) if (completes(word, position - k, position, around)) x[word[k]!] = -Infinity;
  }
}

/** Whether an id at this position would break a rule. */
export function breaksRule(token: number, position: number, { forbidden, allowed }: WordRules, around: Surroundings): boolean {
  if (allowed !== null && !allowedIds(position, allowed, around).has(token)) return true;
  return forbidden.some((word) => word.some((id, k) => id === token && completes(word, position - k, position, around)));
}

/** Whether only `position` is missing for a word that begins at `start` and could be a whole word there. */
function completes(word: Int32Array, start: number, position: number, { id, letters, remasking }: Surroundings): boolean {
  for (let k = 0; k < word.length; k++) if (start + k !== position && id(start + k) !== word[k]) return false;
  if (remasking) return true;
  const [before, after] = [id(start - 1), id(start + word.length)];
  return !goesOn(letters, before, word[0]!) && !goesOn(letters, word.at(-1)!, after);
}

/** Words that begin alike, up to one id. */
interface Node {
  /** a word ends here */
  whole: boolean;
  readonly next: Map<number, Node>;
}

const trees = new WeakMap<Int32Array, Node>();

function treeOf(allowed: Int32Array): Node {
  let root = trees.get(allowed);
  if (root) return root;
  root = { whole: false, next: new Map() };
  let node = root;
  for (const id of allowed) {
    if (id < 0) {
      node.whole = true;
      node = root;
      continue;
    }
    let next = node.next.get(id);
    if (!next) node.next.set(id, (next = { whole: false, next: new Map() }));
    node = next;
  }
  trees.set(allowed, root);
  return root;
}

/** Ids that keep to the allowed words beside what stands on both sides of a position. */
function allowedIds(position: number, allowed: Int32Array, around: Surroundings): Set<number> {
  const ids = fittingIds(position, treeOf(allowed), around);
  const { id, letters } = around;
  if (id(position + 1) >= 0 && (letters[id(position + 1)]! & STARTS) !== 0) {
    for (const candidate of ids) if ((letters[candidate]! & ENDS) !== 0) ids.delete(candidate);
  }
  return ids;
}

/** Ids that go on in the word in front of a position, or begin another where that word is whole. */
function fittingIds(position: number, root: Node, { id, letters }: Surroundings): Set<number> {
  let start = position;
  while (start > 0 && id(start - 1) >= 0) if (!goesOn(letters, id(--start - 1), id(start))) break;
  let node: Node | undefined = start < position ? root : undefined;
  for (let p = start; p < position; p++) node = node?.next.get(id(p));
  const ids = new Set(node?.next.keys());
  // Behind a word that is none of them, as a prompt may hold, another begins.
  if (node !== undefined && !node.whole) return ids;
  const afterLetter = start < position && (letters[id(position - 1)]! & ENDS) !== 0;
  for (const first of root.next.keys()) if (!(afterLetter && (letters[first]! & STARTS) !== 0)) ids.add(first);
  return ids;
}

/** Bans every id that is not in `allow`. */
export function keepOnly(x: Float64Array, allow: Iterable<number>): void {
  const kept = Array.from(allow, (v) => [v, x[v] ?? -Infinity] as const);
  x.fill(-Infinity);
  for (const [v, value] of kept) if (v < x.length) x[v] = value;
}
