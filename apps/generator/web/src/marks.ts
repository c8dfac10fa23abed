// The text in the editor: what is kept of its colours when somebody types.
import type { Mark } from './frames.js';

export interface Doc {
  readonly text: string;
  /** stretches that a model wrote, in order, without overlap */
  readonly marks: readonly Mark[];
}

export const emptyDoc: Doc = { text: '', marks: [] };

/** A document with another text: marks in front of the change stay, those behind it move, those that it touches go. */
export function edited({ text, marks }: Doc, next: string): Doc {
  let start = 0;
  const shorter = Math.min(text.length, next.length);
  while (start < shorter && text[start] === next[start]) start++;
  let tail = 0;
  while (tail < shorter - start && text[text.length - 1 - tail] === next[next.length - 1 - tail]) tail++;
  const end = text.length - tail;
  const shift = next.length - text.length;
  const kept = marks.flatMap((mark): Mark[] => {
    if (mark.end <= start) return [mark];
    if (mark.start >= end) return [{ ...mark, start: mark.start + shift, end: mark.end + shift }];
    return [];
  });
  return { text: next, marks: kept };
}

export interface Stretch {
  readonly text: string;
  readonly kind: 'plain' | 'gap' | 'mark' | 'focus';
  readonly confidence?: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly kind: Stretch['kind'];
  readonly confidence?: number;
}

/** A text cut into stretches. Where ranges overlap, the first of the list wins. */
export function stretchesOf(text: string, ranges: readonly Range[]): Stretch[] {
  const cuts = [...new Set([0, text.length, ...ranges.flatMap(({ start, end }) => [start, end])])]
    .filter((at) => at <= text.length)
    .sort((a, b) => a - b);
  const stretches: Stretch[] = [];
  for (const [i, start] of cuts.slice(0, -1).entries()) {
    const end = cuts[i + 1]!;
    const range = ranges.find((one) => one.start <= start && one.end >= end);
    stretches.push({
      text: text.slice(start, end),
      kind: range?.kind ?? 'plain',
      ...(range?.confidence !== undefined && { confidence: range.confidence }),
    });
  }
  return stretches;
}
