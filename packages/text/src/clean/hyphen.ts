const HYPHENS = '-\u00AD\u2010';
const WORD_CHAR = /[\p{L}\p{N}'’-]/u;
const NEXT = /^\s*(\p{Ll}+)/u;
// "two-" and "three-storied": the first hyphen waits for a word that comes later.
const WAITS = /^(?:and|or|to|nor|und|oder|et|ou|y|o)$/;
// No one writes these with a hyphen.
const CLOSED = new Set(
  (
    'cannot into upon within without nothing something anything everything nobody somebody anybody everybody himself herself itself myself yourself themselves ' +
    'ourselves whatever whenever wherever whoever however moreover therefore although altogether already always another indeed perhaps sometimes somewhere ' +
    'nowhere everywhere anywhere'
  ).split(' '),
);

/** The word that the hyphen at the end of a line divides, with the hyphens inside it; undefined for a line that ends otherwise. */
function dividedWord(line: string): { word: string; hyphen: string } | undefined {
  const hyphen = line.at(-1);
  if (hyphen === undefined || !HYPHENS.includes(hyphen)) return undefined;
  let start = line.length - 1;
  while (start > 0 && WORD_CHAR.test(line[start - 1]!)) start--;
  const word = line.slice(start, -1);
  return /\p{L}$/u.test(word) ? { word, hyphen } : undefined;
}

/**
 * Mends words that were divided at line ends, in place: the first part moves down, so that line numbers stay. The rest of the text decides if the
 * hyphen belongs to the word (`sea-fowl`): the spelling that occurs elsewhere wins. Words that occur nowhere else follow the majority of those that
 * do; without any evidence `fallback` decides. A word that has a hyphen already keeps this one too (`mother-in-law`).
 *
 * @param fallback `join` for typeset pages (PDF), `keep` for text that people or Project Gutenberg wrapped
 * @returns the number of words put together again, with or without their hyphen
 */
export function mendHyphens(lines: string[], fallback: 'join' | 'keep'): number {
  const breaks: { line: number; word: string; hyphen: string; joined: string; hyphened: string }[] = [];
  for (let i = 0; i + 1 < lines.length; i++) {
    const text = lines[i]!.trimEnd();
    const divided = dividedWord(text);
    const tail = divided && NEXT.exec(lines[i + 1]!)?.[1];
    // A line that holds nothing else would become a paragraph break.
    if (!divided || tail === undefined || WAITS.test(tail) || text.trimStart().length === divided.word.length + 1) continue;
    breaks.push({ line: i, ...divided, joined: `${divided.word}${tail}`.toLowerCase(), hyphened: `${divided.word}-${tail}`.toLowerCase() });
  }
  if (breaks.length === 0) return 0;
  const seen = new Map<string, number>();
  for (const { joined, hyphened } of breaks) {
    seen.set(joined, 0);
    seen.set(hyphened, 0);
  }
  for (const line of lines) {
    for (const [word] of line.toLowerCase().matchAll(/\p{L}+(?:-\p{L}+)*/gu)) {
      const count = seen.get(word);
      if (count !== undefined) seen.set(word, count + 1);
    }
  }
  const evidence = breaks.map(({ joined, hyphened }) => Math.sign(seen.get(joined)! - seen.get(hyphened)!));
  const majority = evidence.reduce((sum, sign) => sum + sign, 0) || (fallback === 'join' ? 1 : -1);
  breaks.forEach(({ line, word, hyphen, joined }, k) => {
    const compound = word.includes('-');
    const join = hyphen === '\u00AD' || CLOSED.has(joined) || (!compound && (evidence[k] || majority) > 0);
    // The line may have grown by the word before it.
    const text = lines[line]!.trimEnd();
    const whole = dividedWord(text)!.word;
    lines[line] = text.slice(0, -whole.length - 1).trimEnd();
    lines[line + 1] = lines[line + 1]!.replace(/^\s*/, (indent) => indent + whole + (join ? '' : hyphen));
  });
  return breaks.length;
}

/** The note on mended words, if there are any. */
export const mendNotes = (mended: number): string[] =>
  mended > 0 ? [`${mended} ${mended === 1 ? 'word divided at a line end was' : 'words divided at line ends were'} mended`] : [];
