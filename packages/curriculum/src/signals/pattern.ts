// Necessary conditions of compromise's patterns, which are cheap to check. A pattern that passes them may still not match.

/** A word of a sentence. */
export interface Term {
  text: string;
  normal: string;
  machine?: string | null;
  implicit?: string;
  root?: string;
  switch?: string;
  alias?: string[];
  tags: ReadonlySet<string>;
  chunk?: string;
}

/** One place of a pattern, with the keys that the tests below read; compromise itself handles the others. */
export interface Place {
  optional?: boolean;
  negative?: boolean;
  greedy?: boolean;
  anything?: boolean;
  min?: number;
  max?: number;
  choices?: Place[][];
  operator?: string;
  id?: unknown;
  word?: string;
  use?: string;
  fuzzy?: boolean;
  tag?: string;
  method?: string;
  pre?: string;
  post?: string;
  regex?: RegExp;
  chunk?: string;
  switch?: string;
  machine?: string;
  sense?: string;
  fastOr?: ReadonlySet<string>;
  pos?: string;
}

/** Tests whether a word can stand at a place of a pattern. */
export type Test = (term: Term) => boolean;

/** The word tests of compromise by name, such as `isQuoted`. */
export type TermMethods = Readonly<Record<string, Test>>;

/** The test of a term for this place; undefined if there is no simple one. */
function testOf(place: Place, methods: TermMethods): Test | undefined {
  const { anything, id, word, use, fuzzy, tag, method, pre, post, regex, chunk, fastOr, pos } = place;
  if (anything) return () => true;
  // compromise reads the keys in this order and stops at the first that a place has.
  if (place.negative || place.optional || id !== undefined || use || fuzzy) return undefined;
  if (word !== undefined)
    return (term) => term.normal === word || term.machine === word || term.text === word || term.alias?.includes(word) === true;
  if (tag !== undefined) return (term) => term.tags.has(tag);
  if (method !== undefined) {
    const test = methods[method];
    return test && ((term) => test(term));
  }
  if (pre !== undefined || post !== undefined || regex !== undefined) return undefined;
  if (chunk !== undefined) return (term) => term.chunk === chunk;
  if (place.switch !== undefined || place.machine !== undefined || place.sense !== undefined || fastOr === undefined) return undefined;
  return (term) =>
    (pos === undefined || term.tags.has(pos)) &&
    (fastOr.has(term.root || term.implicit || term.machine || term.normal) || fastOr.has(term.text));
}

/** Tests of the terms at the first places of a pattern, one each, up to the first place without a simple test. All must hold for a match. */
export function openingTests(places: readonly Place[], methods: TermMethods): Test[] {
  const tests: Test[] = [];
  for (const place of places) {
    const { optional, negative, anything, greedy, min, max, choices } = place;
    if (optional || negative || (anything && greedy)) break;
    if (!anything && choices !== undefined) {
      // Phrases to choose from, or to fit all: only their first places can be tested.
      const begins = choices.map((phrase) => (phrase[0] ? testOf(phrase[0], methods) : undefined));
      if (begins.every((test) => test !== undefined))
        tests.push(place.operator === 'and' ? (term) => begins.every((test) => test(term)) : (term) => begins.some((test) => test(term)));
      break;
    }
    const test = testOf(place, methods);
    if (!test) break;
    tests.push(test);
    if (greedy || min !== undefined || max !== undefined) break;
  }
  return tests;
}

/** True if the tests hold for neighbouring terms somewhere. A contraction may take two places; the answer is then true, and compromise decides. */
export function canOccur(tests: readonly Test[], terms: readonly Term[]): boolean {
  for (let from = 0; from + tests.length <= terms.length; from++) {
    let passed = 0;
    while (passed < tests.length && tests[passed]!(terms[from + passed]!)) if (terms[from + passed++]!.implicit) return true;
    if (passed === tests.length) return true;
  }
  return false;
}
