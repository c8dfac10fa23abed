import type { Removal } from '../types.js';

/** A book as lines. A removed line becomes an empty one, so that line numbers and paragraph breaks do not move. */
export interface Lines {
  text: string[];
  removed: Removal[];
  where: string;
}

/** Enough of what went to know it again. */
const SAMPLE_CHARS = 120;

/** Empties lines `from`…`to` (0-based, inclusive) and records them, unless they are blank already. */
export function clear(lines: Lines, from: number, to: number, what: Removal['what']): void {
  while (from <= to && !lines.text[from]!.trim()) from++;
  while (to >= from && !lines.text[to]!.trim()) to--;
  if (from > to) return;
  const sample = lines.text
    .slice(from, Math.min(to + 1, from + 3))
    .map((line) => line.trim())
    .join(' ')
    .slice(0, SAMPLE_CHARS);
  lines.removed.push({ where: lines.where, from: from + 1, to: to + 1, what, sample });
  lines.text.fill('', from, to + 1);
}

/** Records as one removal what went from many lines (0-based), and how many they are. */
export function recordMany(lines: Lines, touched: readonly number[], what: Removal['what'], sample: string): void {
  if (touched.length === 0) return;
  const more = touched.length > 1 ? ` … (${touched.length} lines)` : '';
  const [first, last] = [touched[0]!, touched.at(-1)!];
  lines.removed.push({
    where: lines.where,
    from: first + 1,
    to: last + 1,
    ...(touched.length <= last - first && { lines: touched.length }),
    what,
    sample: `${sample.trim().slice(0, SAMPLE_CHARS)}${more}`,
  });
}

/** Index of the last line of the block that holds line `line`. */
export function blockEnd(text: readonly string[], line: number): number {
  while (line + 1 < text.length && text[line + 1]!.trim()) line++;
  return line;
}

/** Blocks of lines between blank ones, 0-based and inclusive. */
export function* blocksOf(text: readonly string[], start = 0): Generator<{ from: number; to: number }> {
  for (let from = start; from < text.length; from++) {
    if (!text[from]!.trim()) continue;
    const to = blockEnd(text, from);
    yield { from, to };
    from = to;
  }
}

/** The place that closes the bracket opened at (`line`, `column`), nested ones counted; undefined if none does within `most` lines. */
export function closing(text: readonly string[], line: number, column: number, most: number): { line: number; column: number } | undefined {
  let depth = 0;
  for (let i = line; i < Math.min(text.length, line + most); i++) {
    const from = i === line ? column : 0;
    for (let k = from; k < text[i]!.length; k++) {
      if (text[i]![k] === '[') depth++;
      else if (text[i]![k] === ']' && --depth === 0) return { line: i, column: k };
    }
  }
  return undefined;
}
