import type { Plainer } from './pandoc.js';

// What programs for notes (Obsidian, Logseq, Notion) add to Markdown, by lines. A line that goes becomes blank, so that line numbers stay.

const EMBED = /!\[\[([^[\]\n]{1,300})\]\]/g;
const LINK = /\[\[([^[\]|#\n]{0,200})(?:#([^[\]|\n]{0,200}))?(?:\|([^[\]\n]{1,300}))?\]\]/g;
const HIGHLIGHT = /==(?=[^\s=])([^=\n]{1,500})(?<=\S)==/g;
const COMMENT = /%%[^\n]{0,2000}?%%/g;
const COMMENT_LINE = /^\s*%%\s*$/;
const BLOCK_ID = /(?<=\S)[ \t]+\^[A-Za-z0-9-]{1,60}[ \t]*$/;
const CALLOUT = /^((?:\s{0,3}>[ \t]?)+)\[!\w{1,30}\][-+]?[ \t]*/;
const MATH_LINE = /^\s*\$\$/;
const MOST_LINES = 200;

/** The line that closes a pair of marks opened at `from`, within a reasonable distance; -1 if none does. */
function closingLine(lines: readonly string[], from: number, isMark: (line: string) => boolean): number {
  for (let i = from + 1; i < Math.min(lines.length, from + MOST_LINES); i++) if (isMark(lines[i]!)) return i;
  return -1;
}

/** Takes the notation of programs for notes out of the lines, in place: links keep their words; embedded files, comments, formulas and marks of blocks go. */
export function withoutVault(lines: string[], { leave }: Plainer): void {
  let fenced = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (/^\s{0,3}(?:```|~~~)/.test(line)) fenced = !fenced;
    if (fenced || line.trim() === '') continue;
    const end = endOfBlock(lines, i);
    if (end) {
      leave(i, end.what, lines.slice(i, end.line + 1).join(' '));
      lines.fill('', i, end.line + 1);
      i = end.line;
      continue;
    }
    lines[i] = withoutMarks(line, (what, sample) => leave(i, what, sample));
  }
}

function endOfBlock(lines: readonly string[], i: number): { line: number; what: 'hidden text' | 'code block' } | undefined {
  const line = lines[i]!;
  if (COMMENT_LINE.test(line)) {
    const end = closingLine(lines, i, (other) => COMMENT_LINE.test(other));
    return end < 0 ? undefined : { line: end, what: 'hidden text' };
  }
  if (!MATH_LINE.test(line)) return undefined;
  if (/\$\$\s*$/.test(line.trim().slice(2))) return { line: i, what: 'code block' };
  const end = closingLine(lines, i, (other) => /\$\$\s*$/.test(other));
  return end < 0 ? undefined : { line: end, what: 'code block' };
}

function withoutMarks(line: string, leave: (what: 'hidden text' | 'illustration' | 'note mark', sample: string) => void): string {
  let text = line;
  if (text.includes('%%'))
    text = text.replace(COMMENT, (comment) => {
      leave('hidden text', comment);
      return '';
    });
  if (text.includes('[['))
    text = text
      .replace(EMBED, (_, file: string) => {
        leave('illustration', file);
        return '';
      })
      .replace(LINK, (_, page: string, place?: string, words?: string) => words ?? (page || (place ?? '')));
  if (text.includes('==')) text = text.replace(HIGHLIGHT, '$1');
  if (text.includes('[!')) text = text.replace(CALLOUT, '$1');
  if (text.includes('^'))
    text = text.replace(BLOCK_ID, (mark) => {
      leave('note mark', mark);
      return '';
    });
  return text;
}
