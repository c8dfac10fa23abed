// A full stop that ends no sentence, by the English rules that sbd lacks. Masked stops keep their place, so that offsets hold.
const MASK = '\u00B7';

// Words that begin sentences much more often than they follow an abbreviation inside one.
const STARTER = String.raw`(?:I|It|He|She|We|You|They|The|This|That|These|Those|There|A|An|In|On|At|When|While|Where|Why|How|What|Who|Which|But|And|So|If|Then|Yet|Now|Not|His|Her|My|Our|Their|Your|Its|Did|Do|Does|Is|Are|Was|Were|Will|Would|Can|Could|Should|Shall|Has|Have|Had|After|Before|Since|Although|As|For|To|With|From|By|No|Yes|Please|Perhaps|Nobody|Everybody|Someone|Everyone|Nothing)\b`;
const OPENS = String.raw`(?=\s+["“‘'(]*`;

/** Stops inside words and numbers, in brackets, and after words that need what follows them. */
const INNER: readonly RegExp[] = [
  /(?<=[^\s.])(?<!(?<!\p{L})\p{L})\.(?=[\p{L}\p{N}/@_&%#-])/gu,
  /(?<=\.)\.(?=\.*\])|(?<=\[)\.(?=\.)/gu,
  /\.(?=['’]s\b)/gu,
  /(?<=\b(?:Mr|Mrs|Ms|Dr|Mt|Hon|Com|Commr|Supt|Insp|Messrs|Mme|Mlle|viz|cf|Cf|approx|Ft|Pte|Esqr))\.(?=\s)/gu,
  /(?<=\b(?:p|pp|ch|chs|chap|Ch|vol|vols|Vol|fig|Fig|figs|sec|art|fol|nos|Nos|ll|vv))\.(?=\s*[\dIVXLCivxlc])/gu,
  /(?<=(?:\bN|\bn)[°º])\.(?=\s*\d)/gu,
];
/** Stops that may end a sentence: they do before a word that begins one. */
const EITHER: readonly RegExp[] = [
  /\b(?:Co|Inc|Ltd|Corp|Bros|co)\.(?=\s)/gu,
  /\b(?:U\.S\.A|U\.S|U\.K|E\.U|U\.N|A\.D|B\.C|Ph\.D|M\.D|D\.C)\./gu,
];
const ENDS_EITHER = new RegExp(`^${OPENS}${STARTER})`, 'u');
const TIME = /\b(?:[ap]\.m|[AP]\.M)\./gu;
const TIME_ENDS = /^(?=\s+["“‘'(]*\p{Lu})/u;
const TIME_WORDS = 4;
// "You and I." ends a sentence, "Albert I. Jones" does not.
const PRONOUN =
  /(?<=\b(?:and|or|nor|than|as|but|am|was|were|do|did|have|had|can|shall|will|would|could|should|may|must) )I\.["”’']*(?=\s+["“‘'(]*\p{Lu})/gu;
const RUN_ON = /(?<=(?<![\p{L}\p{N}./@:_-])[\p{L}\p{N},]*(?:\p{Ll}{2}|\d))\.(?=\p{Lu}\p{Ll}*(?:[\s,.!?]|$))/gu;
const ELLIPSIS = /\.(?:\s\.){2,}/gu;
const GLUED = /\.{4,}(?=\s+["“‘'(]*\p{Lu})/gu;
const FULL_DOTS = 4;

/** The text with the stops masked that end no sentence, and the offsets behind stops that do though other rules miss them. */
export function maskStops(text: string): { masked: string; ends: number[] } {
  if (!text.includes('.')) return { masked: text, ends: [] };
  const hidden = new Set<number>();
  const ends: number[] = [];
  const hide = (from: number, found: string): void => {
    for (let i = 0; i < found.length; i++) if (found[i] === '.') hidden.add(from + i);
  };
  for (const pattern of INNER) for (const { index, 0: found } of text.matchAll(pattern)) hide(index, found);
  for (const { index, 0: found } of text.matchAll(ELLIPSIS)) {
    hide(index, found);
    const end = index + found.length;
    const dots = found.length - found.replaceAll('.', '').length;
    if (dots >= FULL_DOTS && /^["”’')\]]*\s+["“‘'(]*\p{Lu}/u.test(text.slice(end, end + 12)))
      ends.push(end + /^["”’')\]]*/.exec(text.slice(end, end + 8))![0].length);
  }
  for (const pattern of EITHER) {
    for (const { index, 0: found } of text.matchAll(pattern)) {
      const end = index + found.length;
      hide(index, found);
      if (ENDS_EITHER.test(text.slice(end, end + 24))) ends.push(end);
    }
  }
  for (const { index, 0: found } of text.matchAll(TIME)) {
    const end = index + found.length;
    hide(index, found);
    const before = text
      .slice(Math.max(0, index - 60), index)
      .split(/[.!?…]["”’')]*\s/)
      .at(-1)!;
    const words = before.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
    if (TIME_ENDS.test(text.slice(end, end + 8)) && words >= TIME_WORDS) ends.push(end);
  }
  for (const pattern of [PRONOUN, RUN_ON, GLUED]) for (const { index, 0: found } of text.matchAll(pattern)) ends.push(index + found.length);
  if (hidden.size === 0) return { masked: text, ends };
  return { masked: Array.from({ length: text.length }, (_, i) => (hidden.has(i) ? MASK : text[i]!)).join(''), ends };
}

const ITEM = /(?:^|\s)(?:[•⁃▪‣]\s?(?:\d{1,3}[.)]{0,2})?|(\d{1,3})(?:\.\)|[.)])|([a-z])[.)])(?=\s+["“‘']?\p{Lu})/gu;

/**
 * The items of a list that stands in one paragraph: it begins with one, and they count on.
 * @returns where the items begin, and the text with the stops of their numbers masked
 */
export function listItems(text: string): { starts: number[]; masked: string } {
  if (!/^\s*(?:[•⁃▪‣]|\d{1,3}[.)]|a[.)])/.test(text)) return { starts: [], masked: text };
  const starts: number[] = [];
  let masked = text;
  let expected: number | undefined;
  for (const { index, 0: found, 1: number, 2: letter } of text.matchAll(ITEM)) {
    const value = number !== undefined ? Number(number) : letter !== undefined ? letter.charCodeAt(0) : undefined;
    if (value !== undefined && expected !== undefined && value !== expected) continue;
    if (value !== undefined) expected = value + 1;
    const start = index + found.length - found.trimStart().length;
    starts.push(start);
    masked = masked.slice(0, index) + found.replaceAll('.', MASK) + masked.slice(index + found.length);
  }
  return starts.length > 1 ? { starts, masked } : { starts: [], masked: text };
}
