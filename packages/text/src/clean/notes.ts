import { clearGlued } from './glued.js';
import { blocksOf, clear, closing, recordMany, type Lines } from './lines.js';

// A longer note is a chapter, or its bracket is never closed.
const NOTE_LINES = 200;
const FOOTNOTE = /^\s*\[\s*(?:Foot)?note[: ]\s*(\w{1,4}|[*†‡§]+)?\s*[:.]?/i;
const SIDENOTE = /^\s*\[\s*(?:sidenote|side-note|margin(?:al)? note)\b/i;
const LABELLED = /^\s*\[(\d{1,3}|[A-Z]|[*†‡§]+)\]\s+\S/;
// The blank before a mark goes with it, unless a word follows the mark.
const MARK = /\s?\[(\d{1,3}|[A-Z]|[*†‡§]+)\](?=[\s.,;:!?)”’"']|$)|\[(\d{1,3}|[A-Z]|[*†‡§]+)\]/g;
// Transliterations: the word is the author's, the bracket is not.
const FOREIGN = /\[(?:Greek|Hebrew|Arabic|Cyrillic|Russian|Sanskrit|Syriac|Coptic)(?: \w+)?: ?([^[\]]*)\]/g;
// Page marks that transcribers leave inside lines.
const PAGE = String.raw`(?:\[(?:(?:Pg|Page)\.?|pp?\.) ?[\divxlc]+\]|\{(?:p\. ?)?[\divxlc]+\})`;
const PAGE_MARK = new RegExp(String.raw`\s?${PAGE}(?=[\s.,;:!?)”’"']|$)|${PAGE}`, 'gi');
const RULE = /^[*•·~=_–—#⁂❦☙❧✽⸻―＊～◇◆○●□■+-](?:[\s*•·~=_–—#⁂❦☙❧✽⸻―＊～◇◆○●□■+-]*[*•·~=_–—#⁂❦☙❧✽⸻―＊～◇◆○●□■+-])?$/u;
const DOTS = /^\.(?:\s+\.){2,}$/;
// Old books part scenes with a row of marks; longer lines are something else.
const RULE_CHARS = 120;

/**
 * Clears what editors and printers put between the lines: footnotes with their marks, sidenotes, marks of pages, and rules. It is the same for every
 * format, which has made its text into lines before.
 * @param framed true for Project Gutenberg's texts, in which a number in brackets is a mark even if its note is not found
 */
export function clearMarks(lines: Lines, framed: boolean): void {
  if (lines.text.some((line) => line.includes('['))) {
    const labels = clearFootnotes(lines);
    clearNumbers(lines, labels, framed);
    if (framed) lines.text.forEach((line, i) => line.includes('[') && (lines.text[i] = line.replace(FOREIGN, '$1')));
  }
  clearGlued(lines);
  clearPageMarks(lines, framed);
  clearRules(lines);
}

/** Clears footnotes and sidenotes in brackets, and paragraphs that begin with a label in brackets. @returns the labels of the notes */
function clearFootnotes(lines: Lines): Set<string> {
  const labels = new Set<string>();
  const { text } = lines;
  for (const { from, to } of [...blocksOf(text)]) {
    const note = FOOTNOTE.exec(text[from]!);
    if (!note && !SIDENOTE.test(text[from]!)) continue;
    const end = closing(text, from, text[from]!.indexOf('['), NOTE_LINES);
    if (note?.[1]) labels.add(note[1]);
    const after = end && text[end.line]!.slice(end.column + 1).trim();
    clear(lines, from, end?.line ?? to, note ? 'footnote' : 'sidenote');
    if (end && after) text[end.line] = after;
  }
  const used = new Set<string>();
  for (const line of text)
    for (const { 1: last, 2: inner, index } of line.matchAll(MARK)) if (line.slice(0, index).trim()) used.add((last ?? inner)!);
  for (const { from, to } of [...blocksOf(text)]) {
    const label = LABELLED.exec(text[from]!)?.[1];
    if (label === undefined || !used.has(label)) continue;
    labels.add(label);
    clear(lines, from, to, 'footnote');
  }
  return labels;
}

function clearNumbers(lines: Lines, labels: ReadonlySet<string>, framed: boolean): void {
  const touched: number[] = [];
  let sample = '';
  const isMark = (label: string): boolean => labels.has(label) || (framed && /^\d/.test(label));
  lines.text.forEach((line, i) => {
    if (!line.includes('[')) return;
    const without = line.replace(MARK, (mark, last?: string, inner?: string) => (isMark((last ?? inner)!) ? '' : mark));
    if (without === line) return;
    touched.push(i);
    sample ||= line;
    lines.text[i] = without;
  });
  recordMany(lines, touched, 'note mark', /\[[^\]]*\]/.exec(sample)?.[0] ?? sample);
}

function clearPageMarks(lines: Lines, framed: boolean): void {
  const touched: number[] = [];
  let sample = '';
  lines.text.forEach((line, i) => {
    if (!line.includes('[') && !(framed && line.includes('{'))) return;
    const without = line.replace(PAGE_MARK, (mark) => {
      if (!framed && mark.includes('{')) return mark;
      sample ||= mark;
      return '';
    });
    if (without === line) return;
    touched.push(i);
    lines.text[i] = without;
  });
  recordMany(lines, touched, 'page number', sample);
}

function clearRules(lines: Lines): void {
  const touched: number[] = [];
  let sample = '';
  lines.text.forEach((line, i) => {
    const bare = line.length <= RULE_CHARS || /^\s*[^\s\p{L}\p{N}]/u.test(line) ? line.trim() : '';
    if (!bare || bare.length > RULE_CHARS || (!RULE.test(bare) && !DOTS.test(bare))) return;
    touched.push(i);
    sample ||= bare;
    lines.text[i] = '';
  });
  recordMany(lines, touched, 'rule', sample);
}
