import nlp from 'compromise';

// compromise's tagger with the same tags for two thirds of the time. It holds each clause against thousands of patterns, most of which cannot match it;
// what is here says so early, and leaves the rest to compromise. tagger.test.ts compares with it as it comes.

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

/** One place of a pattern; what is not named here is left to compromise. */
interface Place {
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

/** A pattern of a net, with what a clause must have to be worth a try. */
interface Rule {
  match: string;
  regs: readonly Place[];
  needs: string[];
  wants: string[];
  ifNo?: string[];
  minWant: number;
  minWords: number;
}

interface Net {
  hooks: Record<string, Rule[]>;
  always: Rule[];
}

type Pointer = [sentence: number, ...rest: unknown[]];
interface Matches {
  ptrs: Pointer[];
  byGroup: object;
}

interface Internals {
  termMethods: Readonly<Record<string, (term: Term) => boolean>>;
  parseMatch(pattern: unknown, options: unknown, world: unknown): Place[];
  cacheDoc(document: readonly Term[][]): ReadonlySet<string>[];
  match(docs: readonly Term[][], todo: { regs: readonly Place[] }, cache?: unknown): Matches;
  bulkMatch(document: readonly Term[][], net: Net, methods: unknown, options?: { matchOne?: boolean }): object[];
}

const { one } = (nlp as unknown as { methods(): { one: Internals } }).methods();

type Test = (term: Term) => boolean;

/** Whether a term may stand at this place; undefined where that is not plain. */
function testOf(place: Place): Test | undefined {
  const { anything, id, word, use, fuzzy, tag, method, pre, post, regex, chunk, fastOr, pos } = place;
  if (anything) return () => true;
  // compromise looks at them in this order, and at the first that a place has.
  if (place.negative || place.optional || id !== undefined || use || fuzzy) return undefined;
  if (word !== undefined) return (term) => term.normal === word || term.machine === word || term.text === word || term.alias?.includes(word) === true;
  if (tag !== undefined) return (term) => term.tags.has(tag);
  if (method !== undefined) {
    const of = one.termMethods[method];
    return of && ((term) => of(term));
  }
  if (pre !== undefined || post !== undefined || regex !== undefined) return undefined;
  if (chunk !== undefined) return (term) => term.chunk === chunk;
  if (place.switch !== undefined || place.machine !== undefined || place.sense !== undefined || fastOr === undefined) return undefined;
  return (term) => (pos === undefined || term.tags.has(pos)) && (fastOr.has(term.root || term.implicit || term.machine || term.normal) || fastOr.has(term.text));
}

/** Necessary for a match: tests of the terms that its first places take, one each, as far as that is plain. */
function opening(places: readonly Place[]): Test[] {
  const tests: Test[] = [];
  for (const place of places) {
    const { optional, negative, anything, greedy, min, max, choices } = place;
    if (optional || negative || (anything && greedy)) break;
    if (!anything && choices !== undefined) {
      // Phrases to choose from, or to fit all: known is where each begins.
      const begins = choices.map((phrase) => (phrase[0] ? testOf(phrase[0]) : undefined));
      if (begins.every((test) => test !== undefined)) tests.push(place.operator === 'and' ? (term) => begins.every((test) => test(term)) : (term) => begins.some((test) => test(term)));
      break;
    }
    const test = testOf(place);
    if (!test) break;
    tests.push(test);
    if (greedy || min !== undefined || max !== undefined) break;
  }
  return tests;
}

/** Whether the tests hold for neighbours somewhere. A contraction may take up two places: then it is not known, and compromise is asked. */
function occurs(tests: readonly Test[], terms: readonly Term[]): boolean {
  for (let from = 0; from + tests.length <= terms.length; from++) {
    let at = 0;
    while (at < tests.length && tests[at]!(terms[from + at]!)) if (terms[from + at++]!.implicit) return true;
    if (at === tests.length) return true;
  }
  return false;
}

/** What a net's hooks are by word, in the net's order: of two rules that fit, the later one has the last word. */
interface Index {
  place: Map<string, number>;
  rules: Rule[][];
}

hasten(one);

function hasten({ parseMatch, match, cacheDoc }: Internals): void {
  const patterns = new Map<string, { places: readonly Place[]; tests: Test[] }>();
  // Of rules and of the copies that parseMatch gives out.
  const openings = new WeakMap<readonly Place[], Test[]>();
  const indices = new WeakMap<Net, Index>();
  const indexOf = (net: Net): Index => {
    const known = indices.get(net) ?? { place: new Map(Object.keys(net.hooks).map((hook, i) => [hook, i])), rules: Object.values(net.hooks) };
    indices.set(net, known);
    return known;
  };
  const possible = (terms: readonly Term[], regs: readonly Place[]): boolean => {
    let tests = openings.get(regs);
    if (!tests) openings.set(regs, (tests = opening(regs)));
    return tests.length === 0 || occurs(tests, terms);
  };

  /** Rules of the net that a clause with these words and tags may match. */
  const candidates = (have: ReadonlySet<string>, length: number, { place, rules }: Index, always: readonly Rule[]): Rule[] => {
    const hooks: number[] = [];
    for (const word of have) {
      const at = place.get(word);
      if (at !== undefined) hooks.push(at);
    }
    const taken = new Set<string>();
    const list: Rule[] = [];
    for (const hook of hooks.sort((a, b) => a - b)) {
      for (const rule of rules[hook]!) {
        if (taken.has(rule.match)) continue;
        taken.add(rule.match);
        const { needs, ifNo, wants, minWant, minWords } = rule;
        if (length < minWords || !needs.every((need) => have.has(need)) || ifNo?.some((no) => have.has(no))) continue;
        if (wants.length > 0 && wants.reduce((count, want) => count + Number(have.has(want)), 0) < minWant) continue;
        list.push(rule);
      }
    }
    return always.length === 0 ? list : [...list, ...always.filter(({ minWords }) => length >= minWords)];
  };

  nlp.plugin({
    methods: {
      one: {
        // A pattern's text always reads the same.
        parseMatch: (pattern: unknown, options: unknown, world: unknown) => {
          if (typeof pattern !== 'string' || options) return parseMatch(pattern, options, world);
          let known = patterns.get(pattern);
          if (!known) {
            const places = parseMatch(pattern, options, world);
            patterns.set(pattern, (known = { places, tests: opening(places) }));
          }
          // grow() marks the ends of what it is given.
          const copy = known.places.map((place) => ({ ...place }));
          openings.set(copy, known.tests);
          return copy;
        },
        match: (docs: readonly Term[][], todo: { regs: readonly Place[] }, cache?: unknown): Matches =>
          docs.some((terms) => possible(terms, todo.regs)) ? match(docs, todo, cache) : { ptrs: [], byGroup: {} },
        bulkMatch: (document: readonly Term[][], net: Net, _: unknown, options: { matchOne?: boolean } = {}) => {
          const index = indexOf(net);
          const results: object[] = [];
          const haves = cacheDoc(document);
          for (const [n, terms] of document.entries()) {
            for (const rule of candidates(haves[n]!, terms.length, index, net.always)) {
              if (!possible(terms, rule.regs)) continue;
              for (const pointer of match([terms], rule).ptrs) {
                pointer[0] = n;
                results.push({ ...rule, pointer });
                if (options.matchOne) return results;
              }
            }
          }
          return results;
        },
      },
    },
  });
}

/** A sentence as compromise has it: its terms, with tags and chunks, and how many clauses it sees. */
export function read(sentence: string): { docs: Term[][]; clauses: number } {
  const doc = nlp(sentence);
  // Chunk marks come with clauses(), which splits at them.
  const clauses = doc.clauses().length;
  return { docs: (doc as unknown as { docs: Term[][] }).docs, clauses };
}

export const TAGGER = `compromise ${nlp.version}`;
