import type { Section } from '../types.js';

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
const HASHES = 64;
// 16 bands of 4: a pair of similarity .8 meets in one with probability .9998, one of .3 with .12; both are then compared exactly.
const BAND = 4;
const SEEDS = Int32Array.from({ length: HASHES }, (_, i) => mix(0x9e3779b9 + i * 0x85ebca6b));

/**
 * Finds paragraphs of the held-out text that come again, nearly word for word, in the training text. They measure memory, so the held-out score is too
 * optimistic. MinHash over five-word runs (Broder 1997) gives candidates by bands, then their exact similarity is computed; each paragraph is reported
 * with the nearest training paragraph.
 *
 * @param threshold smallest similarity reported, 0 to 1
 */
export function nearDuplicates(train: readonly Section[], heldOut: readonly Section[], threshold = 0.8): NearDuplicate[] {
  const kept = [...paragraphs(heldOut)];
  const buckets = new Map<number, number[]>();
  kept.forEach(({ runs }, k) => {
    for (const key of bands(runs)) buckets.set(key, [...(buckets.get(key) ?? []), k]);
  });
  const nearest = new Map<number, NearDuplicate>();
  if (kept.length === 0) return [];
  for (const { place, runs } of paragraphs(train)) {
    const candidates = new Set(bands(runs).flatMap((key) => buckets.get(key) ?? []));
    for (const k of candidates) {
      const similarity = jaccard(kept[k]!.runs, runs);
      if (similarity >= threshold && similarity > (nearest.get(k)?.similarity ?? 0))
        nearest.set(k, { heldOut: kept[k]!.place, train: place, similarity });
    }
  }
  return [...nearest].sort(([a], [b]) => a - b).map(([, pair]) => pair);
}

/** Counts the paragraphs that repeat an earlier one word for word; short ones do not count. */
export function countRepeated(sections: readonly Section[]): number {
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

const wordsOf = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function* paragraphs(sections: readonly Section[]): Generator<{ place: Place; runs: Set<number> }> {
  for (const [s, section] of sections.entries()) {
    for (const [p, { text }] of section.paragraphs.entries()) {
      const words = wordsOf(text);
      if (words.length < MIN_WORDS) continue;
      const hashes = words.map(hash);
      const runs = new Set<number>();
      for (let i = 0; i + SHINGLE <= hashes.length; i++)
        runs.add(hashes.slice(i, i + SHINGLE).reduce((sum, value) => mix(Math.imul(sum, 31) + value), 0));
      yield { place: { section: s, paragraph: p }, runs };
    }
  }
}

/** One key a band: a mix of its smallest hashes. */
function bands(runs: ReadonlySet<number>): number[] {
  const smallest = new Int32Array(HASHES).fill(0x7fffffff);
  for (const run of runs) {
    for (let h = 0; h < HASHES; h++) {
      const value = mix(run ^ SEEDS[h]!);
      if (value < smallest[h]!) smallest[h] = value;
    }
  }
  return Array.from({ length: HASHES / BAND }, (_, b) =>
    smallest.subarray(b * BAND, (b + 1) * BAND).reduce((sum, value) => mix(Math.imul(sum, 31) + value), b),
  );
}

function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let both = 0;
  for (const run of a) if (b.has(run)) both++;
  return both / (a.size + b.size - both);
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
