import { mustBe } from '@mdiff/arguments';

/** The share of one sentence in a piece of text. */
export interface Part {
  /** index in the caller's list of sentences */
  sentence: number;
  /** tokens of the part; undefined: the whole sentence */
  tokens?: number;
}

/** A piece of text and its tokens. */
export interface Piece {
  text: string;
  tokens: Int32Array;
  /** the sentences it comes from, in order; missing if the caller did not say */
  parts?: readonly Part[];
}

type ToPiece = (text: string) => Piece;

export interface ParagraphLimits {
  /** tokens that fit into a slot */
  readonly slot: number;
  /** most sentences of a piece */
  readonly maxSentences: number;
  readonly toPiece: ToPiece;
}

/**
 * A paragraph as one piece, or, with too many tokens or sentences, as several of similar length that end at sentence ends wherever a sentence fits.
 * `sentences` are those of `splitSentences`; parts number them.
 */
export function cutParagraph(text: string, sentences: readonly string[], options: ParagraphLimits): Piece[] {
  mustBe('cutParagraph', 'text', text, 'string');
  mustBe('cutParagraph', 'sentences', sentences, 'list');
  mustBe('cutParagraph', 'options', options, 'object');
  const { slot, maxSentences, toPiece } = options;
  const whole = toPiece(text);
  if (whole.tokens.length <= slot && sentences.length <= maxSentences)
    return [{ ...whole, parts: sentences.map((_, sentence) => ({ sentence })) }];
  const pieces = sentences.flatMap((sentence, i) => withParts(cutWords(sentence, slot, toPiece), i));
  return groupSentences(pieces, slot, maxSentences, toPiece);
}

/** The pieces of one sentence, each with the tokens that it takes of it. */
export const withParts = (pieces: readonly Piece[], sentence: number): Piece[] => {
  mustBe('withParts', 'pieces', pieces, 'list');
  mustBe('withParts', 'sentence', sentence, 'number');
  return pieces.map((piece) => ({ ...piece, parts: [{ sentence, tokens: piece.tokens.length }] }));
};

/**
 * Cuts a sentence longer than `most` tokens at blanks, into pieces of similar length. A single word that is too long, or a script without blanks,
 * is cut between characters.
 */
export function cutWords(sentence: string, most: number, toPiece: ToPiece): Piece[] {
  mustBe('cutWords', 'sentence', sentence, 'string');
  mustBe('cutWords', 'most', most, 'number');
  mustBe('cutWords', 'toPiece', toPiece, 'function');
  const whole = toPiece(sentence);
  if (whole.tokens.length <= most) return [whole];
  const words = sentence
    .split(/\s+/)
    .filter(Boolean)
    .flatMap((word) => cutCharacters(word, most, toPiece));
  if (words.length === 1) return words;
  const lengths = words.map((word) => afterBlank(word, toPiece));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const target = total / Math.max(2, Math.ceil(total / most));
  const groups = partition(lengths, most, Infinity, (length) => (length - target) ** 2);
  return joined(words, groups, toPiece).flatMap((piece) =>
    piece.tokens.length <= most ? [piece] : halves(piece.text).flatMap((half) => cutWords(half, most, toPiece)),
  );
}

/**
 * Joins neighbouring sentences into pieces of at most `most` tokens and `maxSentences` sentences, with lengths that pack well. A piece over half a slot
 * shares its row with little else, so it costs the positions that it leaves empty; every piece costs a quarter slot, which keeps context long. On
 * Moby-Dick at 128 positions this pads 2 % of the positions; pieces as few and as even as possible pad 14 % and hold no more context.
 */
export function groupSentences(sentences: readonly Piece[], most: number, maxSentences: number, toPiece: ToPiece): Piece[] {
  mustBe('groupSentences', 'sentences', sentences, 'list');
  mustBe('groupSentences', 'most', most, 'number');
  mustBe('groupSentences', 'maxSentences', maxSentences, 'number');
  mustBe('groupSentences', 'toPiece', toPiece, 'function');
  const lengths = sentences.map((sentence) => afterBlank(sentence, toPiece));
  const groups = partition(lengths, most, maxSentences, (length) => most / 4 + (length > most / 2 ? most - length : 0));
  return groups.flatMap(([from, to]) => {
    const members = sentences.slice(from, to);
    const [piece] = joined(members, [[0, members.length]], toPiece);
    if (piece!.tokens.length <= most || members.length === 1) return [{ ...piece!, parts: members.flatMap(({ parts }) => parts ?? []) }];
    // Tokens can differ across a join; leave that much room.
    return groupSentences(members, most - (piece!.tokens.length - most), maxSentences, toPiece);
  });
}

/** Tokens of a piece that follows another. Their sum is the length of the join, up to merges across the seam; the caller checks those. */
const afterBlank = ({ text }: Piece, toPiece: ToPiece): number => toPiece(` ${text}`).tokens.length;

const joined = (pieces: readonly Piece[], groups: readonly (readonly [number, number])[], toPiece: ToPiece): Piece[] =>
  groups.map(([from, to]) =>
    to - from === 1
      ? pieces[from]!
      : toPiece(
          pieces
            .slice(from, to)
            .map(({ text }) => text)
            .join(' '),
        ),
  );

/**
 * Splits lengths into consecutive groups [from, to) of at most `count` members whose sum is at most `most`, with the least total `cost`. A member
 * longer than `most` is a group of its own. Dynamic programming, O(n · members of a group).
 */
export function partition(
  lengths: readonly number[],
  most: number,
  count: number,
  cost: (sum: number) => number,
): [from: number, to: number][] {
  const n = lengths.length;
  const best = new Float64Array(n + 1).fill(Infinity);
  const start = new Int32Array(n + 1);
  best[0] = 0;
  for (let to = 1; to <= n; to++) {
    let sum = 0;
    for (let from = to - 1; from >= 0 && to - from <= count; from--) {
      sum += lengths[from]!;
      if (sum > most && from < to - 1) break;
      const total = best[from]! + cost(sum);
      if (total < best[to]!) {
        best[to] = total;
        start[to] = from;
      }
    }
  }
  const groups: [number, number][] = [];
  for (let to = n; to > 0; to = start[to]!) groups.push([start[to]!, to]);
  return groups.reverse();
}

function cutCharacters(word: string, most: number, toPiece: ToPiece): Piece[] {
  const piece = toPiece(word);
  const characters = [...word];
  if (piece.tokens.length <= most || characters.length === 1) return [piece];
  return parts(characters, Math.ceil(piece.tokens.length / most)).flatMap((part) => cutCharacters(part, most, toPiece));
}

/** `count` strings of similar length, at least two and none empty. */
function parts(characters: readonly string[], count: number): string[] {
  const size = Math.ceil(characters.length / Math.max(2, count));
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, i) => characters.slice(i * size, (i + 1) * size).join(''));
}

/** Two halves, at the blank nearest the middle if there is one; never inside a character. */
function halves(text: string): string[] {
  const middle = text.length / 2;
  const blanks = [...text.matchAll(/\s+/g)].map(({ index }) => index).filter((index) => index > 0);
  if (blanks.length === 0) return parts([...text], 2);
  const cut = blanks.reduce((best, blank) => (Math.abs(blank - middle) < Math.abs(best - middle) ? blank : best));
  return [text.slice(0, cut).trim(), text.slice(cut).trim()];
}
