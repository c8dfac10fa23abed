// A longer paragraph is a text without line breaks. Novels of one paragraph exist; sentences of this length do not.
const PARAGRAPH_CHARS = 20_000;

/** A text in pieces of at most 20,000 characters: at the last sentence end before that, else at a blank, else between two characters. */
export function cutLong(text: string): string[] {
  const pieces: string[] = [];
  let at = 0;
  while (text.length - at > PARAGRAPH_CHARS) {
    const window = text.slice(at, at + PARAGRAPH_CHARS);
    let end = 0;
    for (const { index, 0: found } of window.matchAll(/[.!?…]["”’')\]]*\s|[。！？]/g)) end = index + found.length;
    end ||= window.lastIndexOf(' ') + 1;
    // Never between the two halves of a character.
    end ||= window.length - (/[\uD800-\uDBFF]$/.test(window) ? 1 : 0);
    pieces.push(window.slice(0, end).trim());
    at += end;
  }
  return [...pieces, text.slice(at).trim()].filter(Boolean);
}

/** What is said of a paragraph that was cut. */
export const cutNote = (length: number, pieces: number, where: string): string =>
  `the paragraph at ${where} is ${length.toLocaleString('en')} characters long; cut into ${pieces.toLocaleString('en')}, at sentence ends where it has any`;
