const BROKEN = /(\p{L}+)[-\u00AD\u2010]$/u;
const NEXT = /^(\s*)(\p{Ll}+)/u;

/**
 * Mends words that were divided at line ends, in place: the first part moves down, so that line numbers stay. The rest of the text decides if the
 * hyphen belongs to the word (`sea-fowl`): the spelling that occurs elsewhere wins. Words that occur nowhere else follow the majority of those that
 * do; without any evidence `fallback` decides.
 *
 * @param fallback `join` for typeset pages (PDF), `keep` for text that people or Project Gutenberg wrapped
 * @returns the number of words put together again, with or without their hyphen
 */
export function mendHyphens(lines: string[], fallback: 'join' | 'keep'): number {
  const breaks: { line: number; joined: string; hyphened: string }[] = [];
  for (let i = 0; i + 1 < lines.length; i++) {
    const [whole, head] = BROKEN.exec(lines[i]!.trimEnd()) ?? [];
    const tail = head === undefined ? undefined : NEXT.exec(lines[i + 1]!)?.[2];
    // A line that holds nothing else would become a paragraph break.
    if (tail === undefined || lines[i]!.trim() === whole) continue;
    breaks.push({ line: i, joined: `${head}${tail}`.toLowerCase(), hyphened: `${head}-${tail}`.toLowerCase() });
  }
  if (breaks.length === 0) return 0;
  const seen = new Map<string, number>(
    breaks.flatMap(({ joined, hyphened }) => [
      [joined, 0],
      [hyphened, 0],
    ]),
  );
  for (const line of lines) {
    for (const [word] of line.toLowerCase().matchAll(/\p{L}+(?:-\p{L}+)*/gu)) {
      const count = seen.get(word);
      if (count !== undefined) seen.set(word, count + 1);
    }
  }
  const evidence = breaks.map(({ joined, hyphened }) => Math.sign(seen.get(joined)! - seen.get(hyphened)!));
  const majority = evidence.reduce((sum, sign) => sum + sign, 0) || (fallback === 'join' ? 1 : -1);
  breaks.forEach(({ line }, k) => {
    const text = lines[line]!.trimEnd();
    const head = BROKEN.exec(text)![0];
    const join = head.endsWith('\u00AD') || (evidence[k] || majority) > 0;
    lines[line] = text.slice(0, -head.length).trimEnd();
    lines[line + 1] = lines[line + 1]!.replace(/^\s*/, (indent) => indent + (join ? head.slice(0, -1) : head));
  });
  return breaks.length;
}

/** The note on mended words, if there are any. */
export const mendNotes = (mended: number): string[] =>
  mended > 0 ? [`${mended} ${mended === 1 ? 'word divided at a line end was' : 'words divided at line ends were'} mended`] : [];
