// A longer paragraph comes from a text without line breaks. There are novels of one paragraph, but no sentences of this length.
const PARAGRAPH_CHARS = 20_000;

/** Cuts a text into pieces of at most 20,000 characters: at the last sentence end before that, else at a blank, else between two characters. */
export function cutLong(text: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  while (text.length - from > PARAGRAPH_CHARS) {
    const window = text.slice(from, from + PARAGRAPH_CHARS);
    let end = 0;
    for (const { index, 0: match } of window.matchAll(/[.!?…]["”’')\]]*\s|[。！？]/g)) end = index + match.length;
    end ||= window.lastIndexOf(' ') + 1;
    // Never between the two halves of a surrogate pair.
    end ||= window.length - (/[\uD800-\uDBFF]$/.test(window) ? 1 : 0);
    pieces.push(window.slice(0, end).trim());
    from += end;
  }
  return [...pieces, text.slice(from).trim()].filter(Boolean);
}

/** The note on a paragraph that was cut. */
export const cutNote = (length: number, pieces: number, where: string): string =>
  `the paragraph at ${where} is ${length.toLocaleString('en')} characters long; cut into ${pieces.toLocaleString('en')}, at sentence ends where it has any`;
