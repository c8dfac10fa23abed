import { isRaisedMark } from '../clean/raised.js';
import type { Removal } from '../types.js';

/** A piece of text as pdf.js gives it. */
export interface Item {
  str: string;
  width: number;
  height: number;
  hasEOL: boolean;
  transform: number[];
}

/** A line on a page, in points from the lower left corner. */
export interface Line {
  text: string;
  x: number;
  right: number;
  y: number;
  size: number;
  page: number;
  /** Counts the columns of all pages in reading order. */
  column: number;
  /** 1-based, counted down the page. */
  number: number;
}

export interface Page {
  lines: Line[];
  /** What was left out, as one sample a kind. */
  gone: Map<Removal['what'], string>;
}

interface Piece {
  str: string;
  x: number;
  y: number;
  width: number;
  height: number;
  ends: boolean;
}

const WORD_GAP = 0.15;
// Pieces on one line, in letter sizes: how far one may lie above the next, and how wide the gap between words of justified text may be.
const SAME_LEVEL = 0.25;
const MOST_GAP = 2;
// Text of bold letters that a program draws twice lies this near to itself, in letter sizes.
const SAME_PLACE = 0.15;
// A letter that is this many times larger than the next piece begins a chapter.
const CAP_SIZE = 1.6;
// A note's number is smaller than its line, and raised.
const MARK_SIZE = 0.85;
const MARK_RAISE = 0.12;
// Columns: bins over the width of the page, the middle part where a gutter may be, and what each side needs.
const BINS = 200;
const MIDDLE = [0.2, 0.8] as const;
const COLUMN_LINES = 5;
const COLUMN_SHARE = 0.2;
const COLUMN_CHARS = 10;
const MOST_COLUMNS = 3;

/** The pieces of a page as lines in reading order: columns one after another, without text that is turned, drawn twice, or the number of a note. */
export function toLines(items: readonly Item[], page: number, firstColumn: number): Page {
  const gone: Page['gone'] = new Map();
  const pieces = once(upright(items, gone));
  const lines: Line[] = [];
  columnsOf(pieces, 1).forEach((column, i) => {
    for (const line of linesOf(column, page, firstColumn + i, gone)) lines.push(line);
  });
  return { lines, gone };
}

/** Pieces in the direction of most letters of the page, which may lie on its side. */
function upright(items: readonly Item[], gone: Page['gone']): Piece[] {
  const turns = items.map(({ transform: [a = 1, b = 0] }) => {
    const quarter = Math.round((Math.atan2(b, a) * 2) / Math.PI);
    return Math.abs((Math.atan2(b, a) * 2) / Math.PI - quarter) > 0.1 ? -1 : (quarter + 4) % 4;
  });
  const letters = [0, 0, 0, 0];
  items.forEach(({ str }, i) => turns[i]! >= 0 && (letters[turns[i]!]! += str.trim().length));
  const main = letters.indexOf(letters.reduce((most, count) => Math.max(most, count), 0));
  const turned: string[] = [];
  const pieces = items.flatMap(({ str, width, height, hasEOL, transform }, i): Piece[] => {
    const [e, f] = [transform[4] ?? 0, transform[5] ?? 0];
    if (turns[i] !== main && str.trim()) {
      turned.push(str.trim());
      return [];
    }
    const [x, y] = main === 0 ? [e, f] : main === 1 ? [f, -e] : main === 2 ? [-e, -f] : [-f, e];
    return [{ str, x, y, width, height, ends: hasEOL }];
  });
  if (turned.length > 0) gone.set('rotated text', turned.join(' … '));
  return pieces;
}

/** Drops pieces that lie on the same text. */
function once(pieces: readonly Piece[]): Piece[] {
  const places = new Map<string, { x: number; y: number }[]>();
  return pieces.filter(({ str, x, y, height }) => {
    if (!str.trim()) return true;
    // The nearest places only: a page of dots has thousands of them.
    const near = places.get(str)?.slice(-50) ?? [];
    const far = SAME_PLACE * height;
    if (near.some((other) => Math.abs(other.x - x) <= far && Math.abs(other.y - y) <= far)) return false;
    const all = places.get(str);
    if (all) all.push({ x, y });
    else places.set(str, [{ x, y }]);
    return true;
  });
}

/** The columns of a page from left to right; lines across all of them divide them into bands. */
function columnsOf(pieces: readonly Piece[], depth: number): (readonly Piece[])[] {
  const gutter = depth < MOST_COLUMNS ? gutterOf(pieces) : undefined;
  if (gutter === undefined) return [pieces];
  const across = pieces.filter(({ str, x, width }) => str.trim() && x < gutter && x + width > gutter).sort((a, b) => b.y - a.y);
  const parts: Piece[][] = Array.from({ length: 3 * across.length + 2 }, () => []);
  for (const piece of pieces) {
    const band = across.findIndex(({ y }) => piece.y > y + 0.5 * piece.height);
    const above = band < 0 ? across.length : band;
    const at = across.indexOf(piece);
    if (at >= 0) parts[3 * at + 2]!.push(piece);
    else parts[3 * above + (piece.x < gutter ? 0 : 1)]!.push(piece);
  }
  return parts.filter((part) => part.some(({ str }) => str.trim())).flatMap((part) => columnsOf(downward(part), depth + 1));
}

/** Pieces from the top down, and from left to right where they stand on one line. */
const downward = (pieces: readonly Piece[]): Piece[] =>
  [...pieces].sort((a, b) => (Math.abs(a.y - b.y) <= 0.3 * Math.max(a.height, b.height, 1) ? a.x - b.x : b.y - a.y));

/** The x of an empty strip from top to bottom that has text on both sides. */
function gutterOf(pieces: readonly Piece[]): number | undefined {
  const filled = pieces.filter(({ str }) => str.trim());
  let [left, right, size] = [Infinity, -Infinity, 0];
  for (const { x, width, height } of filled) {
    left = Math.min(left, x);
    right = Math.max(right, x + width);
    size += height / filled.length;
  }
  if (filled.length < 2 * COLUMN_LINES || right - left < 10 * size) return undefined;
  const cover = new Float64Array(BINS);
  const bin = (x: number): number => Math.min(BINS - 1, Math.max(0, Math.floor(((x - left) / (right - left)) * BINS)));
  for (const { x, width } of filled) for (let b = bin(x); b <= bin(x + width - 0.01); b++) cover[b]!++;
  const most = cover.reduce((top, count) => Math.max(top, count), 0);
  const empty = (b: number): boolean => cover[b]! <= 0.06 * most;
  let [best, length] = [-1, 0];
  for (let b = Math.floor(MIDDLE[0] * BINS), run = 0; b < MIDDLE[1] * BINS; b++) {
    run = empty(b) ? run + 1 : 0;
    if (run > length) [best, length] = [b - run / 2, run];
  }
  if (best < 0 || (length / BINS) * (right - left) < 0.8 * size) return undefined;
  const gutter = left + ((best + 0.5) / BINS) * (right - left);
  const sides = [filled.filter(({ x, width }) => x + width <= gutter), filled.filter(({ x }) => x >= gutter)];
  const letters = (some: readonly Piece[]): number => some.reduce((sum, { str }) => sum + (str.match(/\p{L}/gu)?.length ?? 0), 0);
  const all = letters(filled);
  const isColumn = (side: readonly Piece[]): boolean => {
    const lines = new Set(side.map(({ y }) => Math.round(y / Math.max(1, size / 2)))).size;
    return lines >= COLUMN_LINES && letters(side) >= COLUMN_SHARE * all && letters(side) / lines >= COLUMN_CHARS;
  };
  return sides.every(isColumn) ? gutter : undefined;
}

/** Joins pieces of text at one height into a line, in the order of the column. */
function linesOf(pieces: readonly Piece[], page: number, column: number, gone: Page['gone']): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  let cap: Piece | undefined;
  // The height of the line where it has got to: scanned lines are not level.
  let level = 0;
  let ended = false;
  pieces.forEach(({ str, x, y, width, height, ends }, i) => {
    if (str.trim()) {
      if (isCap(pieces, i)) {
        cap = pieces[i];
        open = undefined;
        return;
      }
      if (open && ended && !goesOn({ x, y }, open, level)) open = undefined;
      ended = false;
      if (open && isMark({ str, y: y - level + open.y, height }, open)) {
        gone.set('note mark', `${gone.get('note mark') ?? ''}${str.trim()} `);
        open.right = Math.max(open.right, x + width);
        return;
      }
      // A raised letter is still on its line.
      if (open && Math.abs(level - y) > 0.6 * Math.max(open.size, height)) open = undefined;
      if (!open) {
        const beside = cap !== undefined && y >= cap.y - 0.5 * height && y <= cap.y + cap.height + 0.5 * height && x > cap.x;
        open = { text: '', x: beside ? cap!.x : x, right: x, y, size: height, page, column, number: 0 };
        if (cap && beside && !lines.some((line) => line.x === cap!.x && line.y <= cap!.y + cap!.height + height && line.y > y))
          open.text = cap.str.trim();
        lines.push(open);
        if (!beside) cap = undefined;
      } else if (open.text && !/\s$/.test(open.text) && !/^\s/.test(str) && x - open.right > WORD_GAP * open.size) open.text += ' ';
      open.text += str;
      level = y;
      open.right = Math.max(open.right, x + width);
      open.size = Math.max(open.size, height);
    } else if (str && open) {
      open.text += ' ';
    }
    ended ||= ends;
  });
  for (const line of lines) line.text = line.text.replace(/\s+/g, ' ').trim();
  return lines.filter(({ text }) => text);
}

/** True for a piece that goes on with a line behind a break, as after every word of a page that was scanned and recognised. */
const goesOn = ({ x, y }: Pick<Piece, 'x' | 'y'>, line: Line, level: number): boolean =>
  Math.abs(y - level) <= SAME_LEVEL * line.size && x >= line.right - 0.5 * line.size && x - line.right <= MOST_GAP * line.size;

/** True for a letter that is much larger than the text behind it, which begins in lower case or goes on in capitals. */
function isCap(pieces: readonly Piece[], i: number): boolean {
  const { str, height } = pieces[i]!;
  if (!/^\s*["“‘]?\p{Lu}\s*$/u.test(str)) return false;
  const next = pieces.slice(i + 1, i + 4).find((piece) => piece.str.trim());
  return next !== undefined && height >= CAP_SIZE * next.height && /^[\p{L}’']/u.test(next.str) && next.str.trim().length > 1;
}

const isMark = ({ str, y, height }: Pick<Piece, 'str' | 'y' | 'height'>, line: Line): boolean =>
  height <= MARK_SIZE * line.size &&
  y - line.y >= MARK_RAISE * line.size &&
  y - line.y < line.size &&
  isRaisedMark(str.trim(), line.text.trimEnd());
