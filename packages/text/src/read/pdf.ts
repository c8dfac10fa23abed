import { mendHyphens, mendNotes } from '../clean/hyphen.js';
import { findFurniture } from '../clean/pages.js';
import { TextError } from '../error.js';
import type { ParsedText, Removal } from '../types.js';
import { toDocument, type Block } from './block.js';
import { optionalPackage } from './optional.js';
import { toParagraph } from './paragraph.js';

/** A line on a page, in points from the lower left corner. */
interface Line {
  text: string;
  x: number;
  right: number;
  y: number;
  size: number;
  page: number;
  /** 1-based, counted down the page. */
  number: number;
}

// Multiples of the usual letter size (heading, indent, gap between words), of the usual line distance (gap) and of the column width (short line).
const HEADING_SIZE = 1.15;
const GAP = 1.35;
const INDENT = 0.7;
const SHORT_LINE = 0.85;
const WORD_GAP = 0.15;
// The left edge is where lines with at least this share of a page's letters begin.
const EDGE_SHARE = 0.15;
// A line of a contents list or an index: dots that lead to a page number.
const LEADER = /(?:\.\s?){4,}\s*[\divxlc]+$/i;
const END = /[.!?…:]["”’')\]]*$/;

/** A PDF with a text layer to one document. Removals count lines of a page. @throws TextError when it is locked, damaged, or only pictures */
export async function parsePdf(bytes: Uint8Array, name: string): Promise<ParsedText> {
  const { pages, title } = await withoutStrayRejections(() => readPages(bytes));
  const letters = pages.flat().reduce((sum, { text }) => sum + (text.match(/\p{L}/gu)?.length ?? 0), 0);
  if (letters === 0)
    throw new TextError(
      `none of the ${pages.length} pages of the PDF holds text (are they scanned pictures?); run text recognition (OCR) on it first`,
    );
  const where = (page: number) => `${name}, page ${page + 1}`;
  const size = usualSize(pages.flat());
  // A chapter's title is often the running head of its pages; in large letters it is the title itself.
  // Files often draw head and foot before the text, so lines are sorted by height to find the edges of a page.
  const down = pages.map((lines) => [...lines].sort((a, b) => b.y - a.y));
  for (const lines of down) lines.forEach((line, i) => (line.number = i + 1));
  const furniture = findFurniture(down.map((lines) => lines.map((line) => (line.size > HEADING_SIZE * size ? '' : line.text))));
  const gone = new Map(furniture.map((line) => [down[line.page]![line.line]!, line]));
  const removed = [...gone].map(([{ text, number, page }, { what }]): Removal => ({
    where: where(page),
    from: number,
    to: number,
    what,
    sample: text.slice(0, 60),
  }));
  const lines = pages.flat().filter((line) => !gone.has(line));
  const texts = lines.map(({ text }) => text);
  const mended = mendNotes(mendHyphens(texts, 'join'));
  lines.forEach((line, i) => (line.text = texts[i]!));
  const blocks = toBlocks(lines, size, where);
  const { notes = [], ...parsed } = toDocument({ title, blocks, removed }, name);
  return { ...parsed, notes: [...mended, ...notes] };
}

async function readPages(bytes: Uint8Array): Promise<{ pages: Line[][]; title: string | undefined }> {
  const { getDocumentProxy } = await optionalPackage('unpdf', () => import('unpdf'));
  // pdf.js takes the buffer for itself, and by default writes its warnings to the console.
  const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 }).catch((error: Error) => {
    if (error.name === 'PasswordException') throw new TextError('the PDF is protected by a password; save a copy without one');
    throw damaged(error);
  });
  try {
    const pages: Line[][] = [];
    for (let page = 0; page < document.numPages; page++) {
      const { items } = await (await document.getPage(page + 1)).getTextContent();
      pages.push(
        toLines(
          (items as Partial<Item>[]).filter((item): item is Item => item.str !== undefined),
          page,
        ),
      );
    }
    const { info } = (await document.getMetadata()) as { info: { Title?: unknown } };
    const title = typeof info.Title === 'string' && !/^(untitled|microsoft word)/i.test(info.Title) ? info.Title.trim() : '';
    return { pages, title: title || undefined };
  } catch (error) {
    throw damaged(error as Error);
  } finally {
    await document.destroy();
  }
}

/**
 * Ignores unhandled rejections of pdf.js while `read` runs. It drops some promises of damaged objects; they are rejected a moment after the error that
 * it throws, and would end the process. Other rejections are thrown again.
 */
async function withoutStrayRejections<T>(read: () => Promise<T>): Promise<T> {
  const listener = (reason: unknown) => {
    if (!/\bpdfjs\b/.test(String((reason as Error | undefined)?.stack))) throw reason;
  };
  process.on('unhandledRejection', listener);
  try {
    return await read();
  } finally {
    await new Promise((resolve) => setTimeout(resolve, 0));
    process.off('unhandledRejection', listener);
  }
}

const damaged = (error: Error) => new TextError(`the PDF is damaged (${error.message.split('\n')[0]!}); get it again`);

interface Item {
  str: string;
  width: number;
  height: number;
  hasEOL: boolean;
  transform: number[];
}

/** Joins pieces of text at one height into a line, in the order of the file, which in books is the reading order. */
function toLines(items: readonly Item[], page: number): Line[] {
  const lines: Line[] = [];
  let open: Line | undefined;
  for (const { str, width, height, hasEOL, transform } of items) {
    const [x, y] = [transform[4]!, transform[5]!];
    if (str.trim()) {
      // A raised note mark or a dropped capital is still on its line.
      if (open && Math.abs(open.y - y) > 0.6 * Math.max(open.size, height)) open = undefined;
      if (!open) lines.push((open = { text: '', x, right: x, y, size: height, page, number: 0 }));
      if (open.text && !/\s$/.test(open.text) && !/^\s/.test(str) && x - open.right > WORD_GAP * open.size) open.text += ' ';
      open.text += str;
      open.right = Math.max(open.right, x + width);
      open.size = Math.max(open.size, height);
    } else if (str && open) {
      open.text += ' ';
    }
    if (hasEOL) open = undefined;
  }
  for (const line of lines)
    line.text = line.text
      .replace(/[\u200B\uFEFF]/g, '')
      .replace(/\s+/g, ' ')
      .trim();
  return lines.filter(({ text }) => text);
}

/** Lines to paragraphs and headings: larger letters make a heading; a gap, an indent or a short line before it makes a paragraph. */
function toBlocks(lines: readonly Line[], size: number, where: (page: number) => string): Block[] {
  const leading = weighted(
    lines
      .slice(1)
      .flatMap(({ y, page }, i) => (lines[i]!.page === page && lines[i]!.y > y ? [[Math.round((lines[i]!.y - y) * 2) / 2, 1]] : [])),
  );
  const lefts = new Map<number, number>();
  const column = Math.max(...lines.map(({ x, right }) => right - x));
  for (const page of new Set(lines.map((line) => line.page))) lefts.set(page, leftEdge(lines.filter((line) => line.page === page)));
  const usual = [...lines.map(({ text }) => text.length)].sort((a, b) => a - b)[Math.floor(lines.length * 0.9)] ?? 0;
  const isHeading = (line: Line) => line.size > HEADING_SIZE * size && line.text.length <= 100;
  const indented = (line: Line) => line.x > lefts.get(line.page)! + INDENT * size;
  // The usual indent of a paragraph's first line; verse and letters are indented more.
  const indent = weighted(
    lines
      .slice(0, -1)
      .flatMap((line, i) => (indented(line) && !indented(lines[i + 1]!) ? [[Math.round(line.x - lefts.get(line.page)!), 1]] : [])),
  );
  const opens = (line: Line) => indented(line) && Math.abs(line.x - lefts.get(line.page)! - indent) < 0.5 * size;
  const full = (line: Line) => line.right - lefts.get(line.page)! >= SHORT_LINE * column;

  const groups: Line[][] = [];
  lines.forEach((line, i) => {
    const before = lines[i - 1];
    if (before && joins(before, line)) groups.at(-1)!.push(line);
    else groups.push([line]);
  });

  function joins(before: Line, line: Line): boolean {
    if (isHeading(before) !== isHeading(line) || LEADER.test(before.text) || LEADER.test(line.text)) return false;
    // “…in a severe tone,” at the foot of a page: what he said is a paragraph of its own.
    if (before.page !== line.page && opens(line) && /^["“‘«\p{Lu}]/u.test(line.text)) return false;
    if (before.page !== line.page)
      return !isHeading(line) && (!END.test(before.text) || /^\p{Ll}/u.test(line.text) || (full(before) && !indented(line)));
    if (before.y - line.y > GAP * Math.max(leading, isHeading(line) ? line.size : 0)) return false;
    if (isHeading(line)) return Math.abs(before.size - line.size) < 1;
    if (opens(line) || (indented(line) && !indented(before))) return false;
    return full(before) || !END.test(before.text) || indented(line);
  }

  return groups.flatMap((group): Block[] => {
    const first = group[0]!;
    const last = group.at(-1)!;
    const place = { where: where(first.page), from: first.number, to: last.page === first.page ? last.number : first.number };
    const text = group.map((line) => line.text);
    if (LEADER.test(first.text)) return [{ lines: text, kind: 'text', linked: 1, ...place }];
    if (isHeading(first)) {
      // The largest headings are those of the book or of its parts.
      return [{ lines: [text.join(' ')], kind: 'heading', level: first.size > 1.6 * size ? 1 : 2, ...place }];
    }
    const paragraph = toParagraph(text, usual);
    return paragraph.text ? [{ lines: paragraph.text.split('\n'), kind: paragraph.kind === 'verse' ? 'verse' : 'text', ...place }] : [];
  });
}

/** Height of most letters, to half a point. */
const usualSize = (lines: readonly Line[]) => weighted(lines.map(({ size, text }) => [Math.round(size * 2) / 2, text.length]));

/** The x at which lines begin that are not indented. A page of dialogue may have few of them. */
function leftEdge(lines: readonly Line[]): number {
  const letters = (some: readonly Line[]) => some.reduce((sum, { text }) => sum + text.length, 0);
  const starts = [...new Set(lines.map(({ x }) => Math.round(x)))].sort((a, b) => a - b);
  return starts.find((start) => letters(lines.filter(({ x }) => Math.round(x) === start)) >= EDGE_SHARE * letters(lines)) ?? starts[0] ?? 0;
}

/** The value with the largest weight. */
function weighted(values: readonly (readonly number[])[]): number {
  const weights = new Map<number, number>();
  for (const [value, weight] of values) weights.set(value!, (weights.get(value!) ?? 0) + weight!);
  return [...weights].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}
