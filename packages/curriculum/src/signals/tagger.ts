import nlp from 'compromise';

import { clauseCount, type View } from './clauses.js';
import { canOccur, openingTests, type Place, type Term, type TermMethods, type Test } from './pattern.js';

// The tagger of compromise with the same tags in two thirds of the time. compromise compares each clause with thousands of patterns, most of which cannot
// match it. The plugin below rules those out early and leaves the rest to compromise; tagger.test.ts compares the tags with those of compromise alone.

/** A pattern of a net, with the words and tags that a clause must have for a match. */
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
  termMethods: TermMethods;
  parseMatch(pattern: unknown, options: unknown, world: unknown): Place[];
  cacheDoc(document: readonly Term[][]): ReadonlySet<string>[];
  match(docs: readonly Term[][], todo: { regs: readonly Place[] }, cache?: unknown): Matches;
  bulkMatch(document: readonly Term[][], net: Net, methods: unknown, options?: { matchOne?: boolean }): object[];
}

/** The hooks of a net by word, in the order of the net: if two rules match, the later one decides. */
interface HookIndex {
  place: Map<string, number>;
  /** with the number of each rule's pattern: a pattern is tried once, whatever hooks name it */
  rules: { rule: Rule; pattern: number }[][];
  /** by the number of a pattern: the last clause that met it */
  met: Int32Array;
  clause: number;
}

function indexOf({ hooks }: Net): HookIndex {
  const patterns = new Map<string, number>();
  const numbered = (rule: Rule): { rule: Rule; pattern: number } => {
    const pattern = patterns.get(rule.match) ?? patterns.size;
    patterns.set(rule.match, pattern);
    return { rule, pattern };
  };
  const rules = Object.values(hooks).map((some) => some.map(numbered));
  return { place: new Map(Object.keys(hooks).map((hook, i) => [hook, i])), rules, met: new Int32Array(patterns.size), clause: 0 };
}

/** The rules of the net that a clause of `length` words with these words and tags may match. */
function candidates(have: ReadonlySet<string>, length: number, index: HookIndex, always: readonly Rule[]): Rule[] {
  const { place, rules, met } = index;
  const clause = ++index.clause;
  const hooks: number[] = [];
  for (const word of have) {
    const hook = place.get(word);
    if (hook !== undefined) hooks.push(hook);
  }
  const list: Rule[] = [];
  for (const hook of hooks.sort((a, b) => a - b)) {
    for (const { rule, pattern } of rules[hook]!) {
      if (met[pattern] === clause) continue;
      met[pattern] = clause;
      if (length >= rule.minWords && mayMatch(rule, have)) list.push(rule);
    }
  }
  return always.length === 0 ? list : [...list, ...always.filter(({ minWords }) => length >= minWords)];
}

function mayMatch({ needs, ifNo, wants, minWant }: Rule, have: ReadonlySet<string>): boolean {
  for (const need of needs) if (!have.has(need)) return false;
  if (ifNo) for (const no of ifNo) if (have.has(no)) return false;
  if (wants.length === 0) return true;
  let count = 0;
  for (const want of wants) if (have.has(want)) count++;
  return count >= minWant;
}

/** Replaces three methods of compromise by ones that skip patterns which cannot match. */
function filteringMethods({ termMethods, parseMatch, match, cacheDoc }: Internals) {
  const patterns = new Map<string, { places: readonly Place[]; tests: Test[] }>();
  // By the places of rules and of the copies that parseMatch returns.
  const tests = new WeakMap<readonly Place[], Test[]>();
  const indices = new WeakMap<Net, HookIndex>();
  const possible = (terms: readonly Term[], places: readonly Place[]): boolean => {
    const opening = memoised(tests, places, () => openingTests(places, termMethods));
    return opening.length === 0 || canOccur(opening, terms);
  };
  return {
    // The same pattern always parses to the same places.
    parseMatch: (pattern: unknown, options: unknown, world: unknown) => {
      if (typeof pattern !== 'string' || options) return parseMatch(pattern, options, world);
      const parsed = memoised(patterns, pattern, () => {
        const places = parseMatch(pattern, options, world);
        return { places, tests: openingTests(places, termMethods) };
      });
      // A copy, because grow() of compromise writes into the places.
      const copy = parsed.places.map((place) => ({ ...place }));
      tests.set(copy, parsed.tests);
      return copy;
    },
    match: (docs: readonly Term[][], todo: { regs: readonly Place[] }, cache?: unknown): Matches =>
      docs.some((terms) => possible(terms, todo.regs)) ? match(docs, todo, cache) : { ptrs: [], byGroup: {} },
    bulkMatch: (document: readonly Term[][], net: Net, _: unknown, options: { matchOne?: boolean } = {}) => {
      const index = memoised(indices, net, () => indexOf(net));
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
  };
}

function memoised<K, V>(cache: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  let value = cache.get(key);
  if (value === undefined) cache.set(key, (value = make()));
  return value;
}

const { one } = (nlp as unknown as { methods(): { one: Internals } }).methods();
nlp.plugin({ methods: { one: filteringMethods({ ...one }) } });

/** A sentence as compromise reads it: its terms, with tags and chunks, and the number of its clauses. */
export function read(sentence: string): { docs: Term[][]; clauses: number } {
  const doc = nlp(sentence) as unknown as View;
  const clauses = clauseCount(doc, one.termMethods);
  return { docs: doc.docs, clauses };
}

export const TAGGER = `compromise ${nlp.version}`;
