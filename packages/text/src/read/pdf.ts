import { mendHyphens, mendNotes } from '../clean/hyphen.js';
import { findFurniture } from '../clean/pages.js';
import { TextError } from '../error.js';
import type { ParsedText, Removal } from '../types.js';
import { plainCharacters } from '../clean/characters.js';
import { toDocument, type Block } from './block.js';
import { optionalPackage } from './optional.js';
import { toParagraph } from './paragraph.js';
import { toLines, type Item, type Line, type Page } from './pdfpage.js';

// Multiples of the usual letter size (heading, indent, gap between words), of the usual line distance (gap) and of the column width (short line).
const HEADING_SIZE = 1.15;
const GAP = 1.35;
const INDENT = 0.7;
const SHORT_LINE = 0.85;
// The left edge is where lines with at least this share of a page's letters begin.
const EDGE_SHARE = 0.15;
// A line of a contents list or an index: dots that lead to a page number.
const LEADER = /(?:\.\s?){4,}\s*[\divxlc]+$/i;
const SPOKEN = /^["“‘«].*[.!?,…]["”’»]$/u;
const END = /[.!?…:]["”’')\]]*$/;
// A PDF with more lines than this that hold a word at most, and with this share of them, is no running text. Scripts without blanks have words of any length.
const ONE_WORD = /^\P{L}*[\p{Script=Latin}\p{M}’'-]{0,20}\P{L}*$/u;
const SINGLE_LINES = 20;
const SINGLE_SHARE = 0.5;

/** A PDF with a text layer to one document. Removals count lines of a page. @throws TextError when it is locked, damaged, or only pictures */
export async function parsePdf(bytes: Uint8Array, name: string): Promise<ParsedText> {
  const { pages: read, title } = await withoutStrayRejections(() => readPages(bytes));
  const pages = read.map(({ lines }) => lines);
  const letters = pages.flat().reduce((sum, { text }) => sum + (text.match(/\p{L}/gu)?.length ?? 0), 0);
  if (letters === 0)
    throw new TextError(
      `none of the ${pages.length} pages of the PDF holds text (are they scanned pictures?); run text recognition (OCR) on it first`,
    );
  const single = pages.flat().filter(({ text }) => ONE_WORD.test(text)).length;
  if (single > SINGLE_LINES && single > SINGLE_SHARE * pages.flat().length)
    throw new TextError(
      `${single} of the ${pages.flat().length} lines of the PDF hold one word or none (is it music, a table or a drawing?); choose a file with running text`,
    );
  const where = (page: number) => `${name}, page ${page + 1}`;
  const size = usualSize(pages.flat());
  // A chapter's title is often the running head of its pages; in large letters it is the title itself.
  // Files often draw head and foot before the text, so lines are sorted by height to find the edges of a page.
  const down = pages.map((lines) => [...lines].sort((a, b) => b.y - a.y));
  for (const lines of down) lines.forEach((line, i) => (line.number = i + 1));
  const furniture = findFurniture(down.map((lines) => lines.map((line) => (line.size > HEADING_SIZE * size ? '' : line.text))));
  const gone = new Map<Line, Removal['what']>(furniture.map(({ page, line, what }) => [down[page]![line]!, what]));
  for (const line of stamps(pages)) gone.set(line, 'running head');
  for (const line of footnotes(down, size, gone)) gone.set(line, 'footnote');
  const removed = removalsOf(gone, read, where);
  const lines = pages.flat().filter((line) => !gone.has(line));
  const texts = lines.map(({ text }) => text);
  const mended = mendNotes(mendHyphens(texts, 'join'));
  lines.forEach((line, i) => (line.text = texts[i]!));
  const blocks = toBlocks(lines, size, where);
  const { notes = [], ...parsed } = toDocument({ title, blocks, removed, typographic: true }, name);
  return { ...parsed, notes: [...mended, ...notes] };
}

const SAMPLE_CHARS = 120;

function removalsOf(gone: ReadonlyMap<Line, Removal['what']>, pages: readonly Page[], where: (page: number) => string): Removal[] {
  const removed: Removal[] = [];
  for (const [{ text, number, page }, what] of gone) {
    const last = removed.at(-1);
    const sample = text.slice(0, SAMPLE_CHARS);
    // The lines of one note are one removal.
    if (what === 'footnote' && last?.what === what && last.where === where(page) && last.to === number - 1)
      Object.assign(last, { to: number, sample: `${last.sample} ${sample}`.slice(0, SAMPLE_CHARS) });
    else removed.push({ where: where(page), from: number, to: number, what, sample });
  }
  pages.forEach(({ gone: left }, page) => {
    for (const [what, sample] of left)
      removed.push({ where: where(page), from: 1, to: 1, what, sample: sample.trim().slice(0, SAMPLE_CHARS) });
  });
  return removed;
}

// A stamp, or a layer that nobody sees, is at one place on so many pages, and on this share of them.
const STAMPED = 3;
const STAMPED_SHARE = 0.5;

/** Lines that say the same at the same place on most pages, wherever that is. */
function stamps(pages: readonly (readonly Line[])[]): Line[] {
  const places = new Map<string, Line[]>();
  for (const line of pages.flat()) {
    const key = `${Math.round(line.x)} ${Math.round(line.y)} ${line.text}`;
    const same = places.get(key);
    if (same) same.push(line);
    else places.set(key, [line]);
  }
  return [...places.values()].filter((same) => same.length >= STAMPED && same.length >= STAMPED_SHARE * pages.length).flat();
}

const NOTE_SIZE = 0.9;
const NOTE_START = /^(?:[[(]?\d{1,3}[\])]?[.:]?|[*†‡§¶]{1,3})\s*["“‘(]?\p{L}/u;

/**
 * Lines in small type at the foot of pages, from the first that begins with a number or a mark. A note that ends inside a sentence goes on at the foot of
 * the next page.
 */
function footnotes(pages: readonly (readonly Line[])[], size: number, gone: ReadonlyMap<Line, unknown>): Line[] {
  let unfinished = false;
  return pages.flatMap((lines) => {
    const left = lines.filter((line) => !gone.has(line));
    let foot = left.length;
    while (foot > 0 && left[foot - 1]!.size <= NOTE_SIZE * size) foot--;
    let start = foot;
    if (!unfinished) while (start < left.length && !NOTE_START.test(left[start]!.text)) start++;
    const notes = foot > 0 ? left.slice(start) : [];
    if (left.length > 0) unfinished = notes.length > 0 && !END.test(notes.at(-1)!.text);
    return notes;
  });
}

async function readPages(bytes: Uint8Array): Promise<{ pages: Page[]; title: string | undefined }> {
  const { getDocumentProxy } = await optionalPackage('unpdf', () => import('unpdf'));
  // pdf.js takes the buffer for itself, and by default writes its warnings to the console.
  const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 }).catch((error: Error) => {
    if (error.name === 'PasswordException') throw new TextError('the PDF is protected by a password; save a copy without one');
    throw damaged(error);
  });
  try {
    const pages: Page[] = [];
    let columns = 0;
    for (let page = 0; page < document.numPages; page++) {
      const { items } = await (await document.getPage(page + 1)).getTextContent();
      const pieces = (items as Partial<Item>[]).filter((item): item is Item => item.str !== undefined);
      const lines = toLines(
        pieces.map((item) => ({ ...item, str: plainCharacters(item.str) })),
        page,
        columns,
      );
      pages.push(lines);
      columns = (lines.lines.at(-1)?.column ?? columns) + 1;
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

/** Lines to paragraphs and headings: larger letters make a heading; a gap, an indent or a short line before it makes a paragraph. */
function toBlocks(lines: readonly Line[], size: number, where: (page: number) => string): Block[] {
  const leading = weighted(
    lines
      .slice(1)
      .flatMap(({ y, page }, i) => (lines[i]!.page === page && lines[i]!.y > y ? [[Math.round((lines[i]!.y - y) * 2) / 2, 1]] : [])),
  );
  const { lefts, column } = edgesOf(lines);
  const usual = [...lines.map(({ text }) => text.length)].sort((a, b) => a - b)[Math.floor(lines.length * 0.9)] ?? 0;
  // The letters of a page that was recognised have the sizes that its lines seemed to have.
  const isHeading = (line: Line) => line.size > HEADING_SIZE * size && line.text.length <= 100 && !SPOKEN.test(line.text);
  const indented = (line: Line) => line.x > lefts.get(line.column)! + INDENT * size;
  // The usual indent of a paragraph's first line; verse and letters are indented more.
  const indent = weighted(
    lines
      .slice(0, -1)
      .flatMap((line, i) => (indented(line) && !indented(lines[i + 1]!) ? [[Math.round(line.x - lefts.get(line.column)!), 1]] : [])),
  );
  const opens = (line: Line) => indented(line) && Math.abs(line.x - lefts.get(line.column)! - indent) < 0.5 * size;
  const full = (line: Line) => line.right - lefts.get(line.column)! >= SHORT_LINE * column;

  const groups: Line[][] = [];
  lines.forEach((line, i) => {
    const before = lines[i - 1];
    if (before && joins(before, line)) groups.at(-1)!.push(line);
    else groups.push([line]);
  });

  function joins(before: Line, line: Line): boolean {
    if (isHeading(before) !== isHeading(line) || LEADER.test(before.text) || LEADER.test(line.text)) return false;
    // “…in a severe tone,” at the foot of a page: what he said is a paragraph of its own.
    if (before.column !== line.column && opens(line) && /^["“‘«\p{Lu}]/u.test(line.text)) return false;
    if (before.column !== line.column)
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

/** The left edge of each column, and the width of the widest line. */
function edgesOf(lines: readonly Line[]): { lefts: Map<number, number>; column: number } {
  const columns = new Map<number, Line[]>();
  let column = 0;
  for (const line of lines) {
    column = Math.max(column, line.right - line.x);
    const same = columns.get(line.column);
    if (same) same.push(line);
    else columns.set(line.column, [line]);
  }
  return { lefts: new Map([...columns].map(([key, same]) => [key, leftEdge(same)])), column };
}

/** The x at which lines begin that are not indented. A page of dialogue may have few of them. */
function leftEdge(lines: readonly Line[]): number {
  const letters = new Map<number, number>();
  let all = 0;
  for (const { x, text } of lines) {
    letters.set(Math.round(x), (letters.get(Math.round(x)) ?? 0) + text.length);
    all += text.length;
  }
  const starts = [...letters.keys()].sort((a, b) => a - b);
  return starts.find((start) => letters.get(start)! >= EDGE_SHARE * all) ?? starts[0] ?? 0;
}

/** The value with the largest weight. */
function weighted(values: readonly (readonly number[])[]): number {
  const weights = new Map<number, number>();
  for (const [value, weight] of values) weights.set(value!, (weights.get(value!) ?? 0) + weight!);
  return [...weights].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}
