// Gaps in a text, written as `mdiff infill` reads them: `___` for one of open length, `___{8}` or `___{2,5}` for one of so many tokens.

/** Text to keep, or a gap: the number of tokens to fill, or the least and the most of them. */
export type Part = string | { readonly gap: number | readonly [number, number] };

/** Tokens of a gap that states none. */
export const OPEN_GAP: readonly [number, number] = [1, 12];

export interface GapRange {
  readonly start: number;
  readonly end: number;
  readonly gap: number | readonly [number, number];
}

const GAP = /_{3,}(?:\{(\d{1,6})(?:,(\d{1,6}))?\}|:(\d{3,6}|\d)(?!\d))?/g;

/** The gaps of a text and their places. */
export function gapsOf(text: string): GapRange[] {
  return [...text.matchAll(GAP)].map(({ 0: marker, 1: least, 2: most, 3: count, index }) => ({
    start: index,
    end: index + marker.length,
    gap:
      least !== undefined && most !== undefined
        ? ([Number(least), Number(most)] as const)
        : (least ?? count) !== undefined
          ? Number(least ?? count)
          : OPEN_GAP,
  }));
}

/** A text as the parts of a request to fill its gaps. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const range of gapsOf(text)) {
    if (range.start > end) parts.push(text.slice(end, range.start));
    parts.push({ gap: range.gap });
    end = range.end;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** A selection, widened to whole words, without the blanks at its ends; null if it holds no word. */
export function wholeWords(text: string, start: number, end: number): { start: number; end: number } | null {
  if (start === end) {
    const inWord = /\S/.test(text[start] ?? ' ') || (start > 0 && /\S/.test(text[start - 1]!));
    if (!inWord) return null;
  }
  const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}'’-]/u.test(character);
  while (start < end && /\s/.test(text[start]!)) start++;
  while (end > start && /\s/.test(text[end - 1]!)) end--;
  while (start > 0 && isWord(text[start - 1]) && (start === end || isWord(text[start]))) start--;
  while (end < text.length && isWord(text[end]) && isWord(text[end - 1] ?? text[end])) end++;
  return start === end ? null : { start, end };
}

/** The parts that fill a stretch of a text anew, with up to twice its words. Gaps elsewhere in the text are filled too. */
export function refillParts(text: string, { start, end }: { start: number; end: number }): Part[] {
  const words = text.slice(start, end).split(/\s+/).filter(Boolean).length;
  const before = partsOf(text.slice(0, start));
  const after = partsOf(text.slice(end));
  return [...before, { gap: [words, Math.max(words + 2, Math.ceil(words * 2.2))] }, ...after];
}

const WORD = /[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu;

/** A number in [0, 1) that depends on both arguments alone (the mixing steps of MurmurHash3). */
function hashed(seed: number, index: number): number {
  let h = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * The parts that write a share of a text's words anew, at least one of them; the seed chooses which. Words that stand side by side become one gap, and a
 * gap may get one token more than its words. Gaps of the text are filled too.
 */
export function rewriteParts(text: string, { share, seed }: { share: number; seed: number }): Part[] {
  const gaps = gapsOf(text);
  const words = [...text.matchAll(WORD)]
    .map(({ 0: word, index }) => ({ start: index, end: index + word.length }))
    .filter(({ start }) => !gaps.some((gap) => gap.start <= start && start < gap.end));
  const chosen = words
    .map((word, i) => ({ ...word, order: hashed(seed, i) }))
    .sort((a, b) => a.order - b.order)
    .slice(0, Math.max(1, Math.round(share * words.length)))
    .sort((a, b) => a.start - b.start);
  const parts: Part[] = [];
  let end = 0;
  for (let i = 0; i < chosen.length; i++) {
    const first = chosen[i]!;
    let count = 1;
    while (i + 1 < chosen.length && /^[^\S\n]+$/.test(text.slice(chosen[i]!.end, chosen[i + 1]!.start))) {
      i++;
      count++;
    }
    parts.push(...partsOf(text.slice(end, first.start)), { gap: [count, count + 1] });
    end = chosen[i]!.end;
  }
  return [...parts, ...partsOf(text.slice(end))];
}
