import { mustBe } from '@mdiff/arguments';
import type { Section } from '../types.js';
import { wordsOf } from './word.js';

/** The place of a paragraph: `section` and `paragraph` count from 0 in the list of sections. */
export interface Place {
  section: number;
  paragraph: number;
}

export interface NearDuplicate {
  heldOut: Place;
  train: Place;
  /** Jaccard similarity of their five-word runs, 0 to 1. */
  similarity: number;
}

const SHINGLE = 5;
// Shorter paragraphs are greetings and exclamations that every book repeats.
const MIN_WORDS = 12;

/**
 * Finds paragraphs of the held-out text that come again, nearly word for word, in the training text. They measure memory, so the held-out score is too
 * optimistic. Each paragraph is reported with the nearest training paragraph, by the exact similarity of their five-word runs.
 *
 * @param threshold smallest similarity reported, 0 to 1
 */
export function nearDuplicates(train: readonly Section[], heldOut: readonly Section[], threshold = 0.8): NearDuplicate[] {
  mustBe('nearDuplicates', 'train', train, 'list');
  mustBe('nearDuplicates', 'heldOut', heldOut, 'list');
  mustBe('nearDuplicates', 'threshold', threshold, 'number');
  const search = searchDuplicates(train, heldOut, threshold);
  let step = search.next();
  while (step.done !== true) step = search.next();
  return step.value;
}

/** The search of `nearDuplicates`, which yields after each paragraph so that a caller can pause or stop. */
export function* searchDuplicates(
  train: readonly Section[],
  heldOut: readonly Section[],
  threshold = 0.8,
): Generator<undefined, NearDuplicate[]> {
  mustBe('searchDuplicates', 'train', train, 'list');
  mustBe('searchDuplicates', 'heldOut', heldOut, 'list');
  mustBe('searchDuplicates', 'threshold', threshold, 'number');
  const kept: { place: Place; words: Int32Array }[] = [];
  for (const paragraph of paragraphs(heldOut)) {
    kept.push(paragraph);
    yield;
  }
  if (kept.length === 0) return [];
  const nearest = new Map<number, NearDuplicate>();
  const repeats = repeatFinder(
    kept.map(({ words }) => words),
    threshold,
  );
  for (const { place, words } of paragraphs(train)) {
    yield;
    for (const { kept: k, similarity } of repeats(words)) {
      if (similarity > (nearest.get(k)?.similarity ?? 0)) nearest.set(k, { heldOut: kept[k]!.place, train: place, similarity });
    }
  }
  return [...nearest].sort(([a], [b]) => a - b).map(([, pair]) => pair);
}

// A filter of one bit for a hash answers for most runs of the training text, which are in no held-out paragraph, before the table is asked.
const FILTER_BITS = 2 ** 22;

/**
 * Finds the sequences (hashes of words, or token ids) that `kept` has too, or nearly: returns a function that names, for a sequence, the kept ones with a
 * Jaccard similarity of their runs of five of at least `threshold`. Time is linear in the text: one look into a table for each run.
 */
export function repeatFinder(
  kept: readonly ArrayLike<number>[],
  threshold = 0.8,
): (sequence: ArrayLike<number>) => { kept: number; similarity: number }[] {
  mustBe('repeatFinder', 'kept', kept, 'list');
  mustBe('repeatFinder', 'threshold', threshold, 'number');
  const holders = new Map<number, number[]>();
  const sizes = new Int32Array(kept.length);
  const filter = new Uint8Array(FILTER_BITS / 8);
  kept.forEach((sequence, k) => {
    const runs = new Set<number>();
    for (let i = 0; i + SHINGLE <= sequence.length; i++) runs.add(runAt(sequence, i));
    sizes[k] = runs.size;
    for (const run of runs) {
      const list = holders.get(run);
      if (list) list.push(k);
      else holders.set(run, [k]);
      filter[(run >>> 3) % (FILTER_BITS / 8)]! |= 1 << (run & 7);
    }
  });
  let turn = 0;
  return (sequence) => {
    const all: number[] = [];
    let shared = 0;
    for (let i = 0; i + SHINGLE <= sequence.length; i++) {
      const run = runAt(sequence, i);
      all.push(run);
      if ((filter[(run >>> 3) % (FILTER_BITS / 8)]! & (1 << (run & 7))) !== 0 && holders.has(run)) shared++;
    }
    if (shared === 0) return [];
    const runs = new Set(all);
    const { both, whole } = sharers(runs, holders, (turn += 1));
    const candidates = whole ? [...both] : closest(both).map((k): [number, number] => [k, countShared(kept[k]!, runs)]);
    return candidates
      .map(([k, count]) => ({ kept: k, similarity: count / (sizes[k]! + runs.size - count) }))
      .filter(({ similarity }) => similarity >= threshold);
  };
}

// A refrain is in thousands of sequences, and all pairs of them would take minutes. So many looks are enough to find the like of one.
const MOST_LOOKS = 20_000;
const MOST_CANDIDATES = 64;

/** How many runs each kept sequence shares, the rarest runs first; not the `whole` truth once there are too many, which begin at another place each turn. */
function sharers(
  runs: ReadonlySet<number>,
  holders: ReadonlyMap<number, readonly number[]>,
  turn: number,
): { both: Map<number, number>; whole: boolean } {
  const lists: (readonly number[])[] = [];
  let looks = 0;
  for (const run of runs) {
    const list = holders.get(run);
    if (list) lists.push(list);
    looks += list?.length ?? 0;
  }
  const whole = looks <= MOST_LOOKS;
  const both = new Map<number, number>();
  const count = (k: number): void => void both.set(k, (both.get(k) ?? 0) + 1);
  if (whole) for (const list of lists) list.forEach(count);
  else {
    // A prime, so that turns reach all of a list.
    const start = turn * 7919;
    let left = MOST_LOOKS / 10;
    for (const list of lists.sort((a, b) => a.length - b.length)) {
      for (let i = 0; i < list.length && left > 0; i++, left--) count(list[(start + i) % list.length]!);
    }
  }
  return { both, whole };
}

/** The kept sequences that share most. */
const closest = (both: ReadonlyMap<number, number>): number[] =>
  [...both]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_CANDIDATES)
    .map(([k]) => k);

function countShared(sequence: ArrayLike<number>, runs: ReadonlySet<number>): number {
  const shared = new Set<number>();
  for (let i = 0; i + SHINGLE <= sequence.length; i++) {
    const run = runAt(sequence, i);
    if (runs.has(run)) shared.add(run);
  }
  return shared.size;
}

/** A hash of the five items from `from` on. */
function runAt(sequence: ArrayLike<number>, from: number): number {
  let sum = 0;
  for (let i = from; i < from + SHINGLE; i++) sum = mix(Math.imul(sum, 31) + sequence[i]!);
  return sum;
}

/** Counts the paragraphs that repeat an earlier one word for word; short ones do not count. */
export function countRepeated(sections: readonly Section[]): number {
  mustBe('countRepeated', 'sections', sections, 'list');
  const seen = new Set<string>();
  let repeated = 0;
  for (const { paragraphs } of sections) {
    for (const { text } of paragraphs) {
      const words = wordsOf(text);
      if (words.length < MIN_WORDS) continue;
      const key = words.join(' ');
      if (seen.has(key)) repeated++;
      else seen.add(key);
    }
  }
  return repeated;
}

function* paragraphs(sections: readonly Section[]): Generator<{ place: Place; words: Int32Array }> {
  for (const [s, section] of sections.entries()) {
    for (const [p, { text }] of section.paragraphs.entries()) {
      const words = wordsOf(text);
      if (words.length >= MIN_WORDS) yield { place: { section: s, paragraph: p }, words: Int32Array.from(words, hash) };
    }
  }
}

/** FNV-1a over UTF-16 units. */
function hash(word: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) value = Math.imul(value ^ word.charCodeAt(i), 0x01000193);
  return value;
}

/** The last steps of MurmurHash3 (Appleby 2011): every input bit reaches every output bit. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) | 0;
}
