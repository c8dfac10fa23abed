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
      if (!key) continue;
      const earlier = places.get(key);
      if (earlier) earlier.push(page);
      else places.set(key, [page]);
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
        return countNear(places.get(key)!, page) >= REPEATS ? [{ page, line, what: 'running head' }] : [];
      }),
  );
}

/** How many of these pages, in order, are near a page. */
function countNear(pages: readonly number[], page: number): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pages[middle]! < page - NEIGHBOURS) low = middle + 1;
    else high = middle;
  }
  let count = 0;
  while (low + count < pages.length && pages[low + count]! <= page + NEIGHBOURS) count++;
  return count;
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
