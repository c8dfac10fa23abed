import { blocksOf, clear, recordMany, type Lines } from './lines.js';

// "the whale.12 He" and "the whale12 he"; a number after a blank or a short form such as "p." or "No." is none, nor is one
// that a full stop follows: "by three roads:—1. By sea".
const NUMBER = /\d{1,3}(?=$|[\s”’"')\]—])/gu;
const BEFORE = /(?:\p{L}{3}|\p{L}{3}[.,;:!?”’"')\]]{1,3}|\p{L}[,;:!?”’"')\]]{1,3})$/u;
const BEFORE_CHARS = 6;
const NUMBERED = /^\s*(\d{1,3})(?:[.)]|\s)\s*(?=\S)/;
/** Fewer numbers than this are a matter of chance. */
const FEWEST = 3;

interface Numbered {
  number: number;
  line: number;
}

/**
 * Clears numbers that are glued to words, and the notes they belong to, where both count 1, 2, 3, … and are equally many, the notes after their marks: once
 * in a text, or again in every chapter. Anything less certain stays.
 */
export function clearGlued(lines: Lines): void {
  const marks: (Numbered & { column: number; length: number })[] = [];
  lines.text.forEach((line, i) => {
    for (const { 0: number, index } of line.matchAll(NUMBER))
      if (BEFORE.test(line.slice(Math.max(0, index - BEFORE_CHARS), index)))
        marks.push({ number: +number, line: i, column: index, length: number.length });
  });
  if (marks.length < FEWEST) return;
  const notes: (Numbered & { to: number })[] = [];
  for (const { from, to } of blocksOf(lines.text)) {
    // Notes stand in paragraphs of their own, or one a line.
    for (let line = from; line <= to; line++) {
      const number = NUMBERED.exec(lines.text[line]!)?.[1];
      if (number !== undefined) notes.push({ number: +number, line, to });
      else if (line > from && notes.at(-1)?.to === to && notes.at(-1)!.line >= from) continue;
      else break;
    }
  }
  notes.forEach((note, i) => {
    if (notes[i + 1] && notes[i + 1]!.line <= note.to) note.to = notes[i + 1]!.line - 1;
  });
  const runsOfNotes = runs(notes);
  const going = runs(marks).flatMap((run) => {
    const own = runsOfNotes.findIndex((found) => found.length === run.length && found[0]!.line > run[0]!.line);
    if (own < 0) return [];
    const [found] = runsOfNotes.splice(own, 1);
    return [{ run, found: found! }];
  });
  const touched: number[] = [];
  let sample = '';
  for (const { run, found } of going) {
    for (const { line, column, length } of [...run].reverse()) {
      const text = lines.text[line]!;
      sample = text.slice(Math.max(0, column - 20), column + length);
      lines.text[line] = text.slice(0, column) + text.slice(column + length);
      touched.push(line);
    }
    for (const { line, to } of found) clear(lines, line, to, 'footnote');
  }
  recordMany(
    lines,
    [...new Set(touched)].sort((a, b) => a - b),
    'note mark',
    sample,
  );
}

/** The stretches that count 1, 2, 3, …: what is out of turn is passed over. */
function runs<T extends Numbered>(all: readonly T[]): T[][] {
  const found: T[][] = [];
  let open: T[] = [];
  for (const item of all) {
    if (item.number === open.length + 1) open.push(item);
    else if (item.number === 1) {
      found.push(open);
      open = [item];
    }
  }
  return [...found, open].filter(({ length }) => length >= FEWEST);
}
