import type { Term, TermMethods } from './pattern.js';

// The clauses of a sentence as compromise counts them, with less work: most of its steps split nothing, and most commas are judged by their neighbours.

type Pointer = [sentence: number, start: number, end: number, ...rest: unknown[]];

/** The part of compromise's views that is used here. */
export interface View {
  readonly docs: Term[][];
  readonly document: Term[][];
  readonly found: boolean;
  readonly length: number;
  readonly fullPointer: Pointer[];
  clauses(): View;
  parentheses(): View;
  quotations(): View;
  match(pattern: string, group?: number): View;
  filter(test: (one: View) => boolean): View;
  if(pattern: string): View;
  ifNo(pattern: string): View;
  grow(pattern: string): View;
  growLeft(pattern: string): View;
  growRight(pattern: string): View;
  wordCount(): number;
  splitAfter(where: View | string): View;
  splitBefore(where: View | string): View;
}

/** Steps of compromise's `clauses()` behind the commas, in its order. A step splits nothing in a sentence that lacks one of its words. */
const STEPS: readonly { words: readonly (readonly string[])[]; split: (found: View) => View }[] = [
  { words: [], split: (found) => found.splitAfter('(@hasEllipses|@hasSemicolon|@hasDash|@hasColon)') },
  { words: [['said', 'says']], split: (found) => found.splitAfter('^#Pronoun (said|says)') },
  { words: [['said', 'says']], split: (found) => found.splitBefore('(said|says) #ProperNoun$') },
  { words: [['if']], split: (found) => found.splitBefore('. . if .{4}') },
  { words: [['and'], ['while']], split: (found) => found.splitBefore('and while') },
  { words: [['now'], ['that']], split: (found) => found.splitBefore('now that') },
  { words: [['ever'], ['since']], split: (found) => found.splitBefore('ever since') },
  { words: [['supposing', 'although']], split: (found) => found.splitBefore('(supposing|although)') },
  { words: [['even'], ['while', 'if', 'though']], split: (found) => found.splitBefore('even (while|if|though)') },
  { words: [['whereas', 'whose']], split: (found) => found.splitBefore('(whereas|whose)') },
  { words: [['as'], ['though', 'if']], split: (found) => found.splitBefore('as (though|if)') },
  { words: [['til', 'until']], split: (found) => found.splitBefore('(til|until)') },
  { words: [['but']], split: (found) => splitAt(found, found.match('#Verb .* [but] .* #Verb', 0)) },
  { words: [['if'], ['then']], split: (found) => found.splitBefore(found.if('if .{2,9} then .').match('then')) },
];

const splitAt = (found: View, match: View): View => (match.found ? found.splitBefore(match) : found);

/** The neighbours of a comma that keep it from splitting, in the order of compromise's `clauses()`. */
const NO_CLAUSE = [
  '@hasComma @hasComma',
  '@hasComma (and|or) .',
  '(#City && @hasComma) #Country',
  '(#WeekDay && @hasComma) #Date',
  '(#Date+ && @hasComma) #Value',
  '(#Adjective && @hasComma) #Adjective',
];

/** Pairs of tags that the last four of them need, in three neighbouring words. */
const PAIRS = [
  ['City', 'Country'],
  ['WeekDay', 'Date'],
  ['Date', 'Value'],
] as const;

/** Words of a sentence in every form that a pattern may compare with its own. */
function wordsOf(docs: readonly (readonly Term[])[]): Set<string> {
  const words = new Set<string>();
  for (const terms of docs) {
    for (const { text, normal, machine, implicit, root, alias } of terms) {
      for (const word of [text, normal, machine, implicit, root]) if (word) words.add(word);
      alias?.forEach((word) => words.add(word));
    }
  }
  return words;
}

/** true: the comma behind this word ends a clause, as the neighbours alone say; undefined: compromise's patterns decide. */
function endsClause(terms: readonly Term[], at: number, hasComma: (term: Term) => boolean): boolean | undefined {
  // The words of a contraction may count as one.
  if (terms.slice(Math.max(0, at - 2), at + 3).some(({ implicit }) => implicit)) return undefined;
  if (at === 0 || at + 2 >= terms.length) return false;
  const near = terms.slice(at - 1, at + 2);
  if (hasComma(near[0]!) || hasComma(near[2]!)) return false;
  const has = (tag: string): boolean => near.some(({ tags }) => tags.has(tag));
  const adjectives = near.filter(({ tags }) => tags.has('Adjective')).length;
  return adjectives > 1 || PAIRS.some(([one, other]) => has(one) && has(other)) ? undefined : true;
}

/** The same as compromise does it. */
function endsClauseSlowly(comma: View): boolean {
  if (comma.growLeft('.').wordCount() === 1 || comma.growRight('. .').wordCount() === 1) return false;
  return NO_CLAUSE.reduce((more, pattern) => more.ifNo(pattern), comma.grow('.')).found;
}

/** `clauses().length` of compromise 14.17. */
export function clauseCount(doc: View, { hasComma }: TermMethods): number {
  if (doc.parentheses().found || doc.quotations().found) return doc.clauses().length;
  const commas = doc.match('@hasComma').filter((comma) => {
    const [sentence, start] = comma.fullPointer[0]!;
    return endsClause(doc.document[sentence]!, start, hasComma!) ?? endsClauseSlowly(comma);
  });
  const words = wordsOf(doc.docs);
  return STEPS.filter((step) => step.words.every((some) => some.some((word) => words.has(word)))).reduce(
    (found, { split }) => split(found),
    commas.found ? doc.splitAfter(commas) : doc,
  ).length;
}
