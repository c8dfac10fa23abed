import type { Removal } from '../types.js';

/** A page number or a running head. `page` and `line` count from 0. */
export interface Furniture {
  page: number;
  line: number;
  what: Extract<Removal['what'], 'page number' | 'running head'>;
}

// Furniture stands within this many lines of the top or the bottom of a page.
const EDGE = 2;
const NUMBER = /^[\s[({–—-]*(?:page|pg\.?|p\.)?\s*(?:\d{1,4}|[ivxlc]{1,8})(?:\s*(?:of|\/)\s*\d{1,4})?[\s\])}–—-]*$/i;
const HEAD_CHARS = 100;
// A running head comes on at least this many pages, among this many pages before and after.
const REPEATS = 3;
const NEIGHBOURS = 8;

/**
 * Finds page numbers and running heads: lines at the top or bottom of pages that hold only a number, or that come again on several nearby pages,
 * numbers aside (left and right pages may differ). Blank lines do not count.
 */
export function findFurniture(pages: readonly (readonly string[])[]): Furniture[] {
  const edges = pages.map((lines) => {
    const filled = lines.flatMap((line, i) => (line.trim() ? [i] : []));
    const edge = new Set([...filled.slice(0, EDGE), ...filled.slice(-EDGE)]);
    // A page of a few lines is all edge; only its first and last line may go.
    return { edge: [...edge], short: filled.length <= 2 * EDGE };
  });
  const places = new Map<string, number[]>();
  edges.forEach(({ edge }, page) => {
    for (const key of new Set(edge.map((line) => keyOf(pages[page]![line]!)))) {
      if (key) places.set(key, [...(places.get(key) ?? []), page]);
    }
  });
  return edges.flatMap(({ edge, short }, page) =>
    edge
      .sort((a, b) => a - b)
      .flatMap((line): Furniture[] => {
        const text = pages[page]![line]!;
        if (NUMBER.test(text)) return isOutermost(pages[page]!, line) ? [{ page, line, what: 'page number' }] : [];
        const key = keyOf(text);
        if (!key || (short && !isOutermost(pages[page]!, line))) return [];
        const near = places.get(key)!.filter((other) => Math.abs(other - page) <= NEIGHBOURS);
        return near.length >= REPEATS ? [{ page, line, what: 'running head' }] : [];
      }),
  );
}

/** The part of a running head that stays the same from page to page: its words, without numbers. */
function keyOf(line: string): string {
  const text = line.trim();
  return text.length > HEAD_CHARS
    ? ''
    : text
        .replace(/\d+|\b[ivxlc]+\b/gi, '')
        .replace(/[^\p{L}]+/gu, ' ')
        .trim()
        .toLowerCase();
}

const isOutermost = (lines: readonly string[], line: number) =>
  lines.slice(0, line).every((text) => !text.trim()) || lines.slice(line + 1).every((text) => !text.trim());
