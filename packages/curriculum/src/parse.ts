import nlp from 'compromise';

/** Changes with the tagger and with what is counted. */
export const PARSE_VERSION = `compromise ${nlp.version}, 1`;

/** What is counted in a sentence, each more with a harder one. */
export const PARSE_FEATURES = ['clauses', 'verb phrases', 'subordination', 'noun-phrase length'] as const;

// Words that open a dependent clause; `that` only where the tagger takes it for a conjunction and not for a determiner.
const OPENERS = new Set(
  ('after although because before if lest once since though till unless until when whenever where whereas wherever whereby wherein whether while whilst ' +
    'who whom whose which whoever whatever whichever that').split(' '),
);

interface Net {
  hooks: Record<string, unknown>;
}

interface Internals {
  parseMatch(pattern: unknown, options: unknown, world: unknown): object[];
  cacheDoc(document: unknown): ReadonlySet<string>[];
  bulkMatch(document: unknown, net: Net, ...rest: unknown[]): unknown;
}

hasten((nlp as unknown as { methods(): { one: Internals } }).methods().one);

/**
 * The tagger goes through each of its thousands of hooks for every clause, and reads each pattern's text again for every sentence. Hooks that no word of the
 * sentence has find nothing, and a pattern's text always reads the same: leaving both out changes no tag and saves a quarter of the time.
 */
function hasten(one: Internals): void {
  const { parseMatch, bulkMatch } = one;
  const patterns = new Map<string, readonly object[]>();
  const places = new WeakMap<object, Map<string, number>>();
  nlp.plugin({
    methods: {
      one: {
        parseMatch: (pattern: unknown, options: unknown, world: unknown) => {
          if (typeof pattern !== 'string' || options) return parseMatch(pattern, options, world);
          const known = patterns.get(pattern) ?? parseMatch(pattern, options, world);
          patterns.set(pattern, known);
          // grow() marks the ends of what it is given.
          return known.map((term) => ({ ...term }));
        },
        bulkMatch: (document: unknown, net: Net, ...rest: unknown[]) => {
          const place = places.get(net) ?? new Map(Object.keys(net.hooks).map((hook, i) => [hook, i]));
          places.set(net, place);
          const held = new Set<string>();
          for (const words of one.cacheDoc(document)) for (const word of words) if (place.has(word)) held.add(word);
          // In the net's order: of two rules that fit, the later one has the last word.
          const hooks = Object.fromEntries([...held].sort((a, b) => place.get(a)! - place.get(b)!).map((hook) => [hook, net.hooks[hook]]));
          return bulkMatch(document, { ...net, hooks }, ...rest);
        },
      },
    },
  });
}

interface Term {
  normal: string;
  tags?: ReadonlySet<string>;
  chunk?: string;
}

/**
 * Counts of `PARSE_FEATURES` in each sentence, [sentences × 4] row-major, by compromise's tagger for English. A sentence's counts depend on nothing else, so
 * a text may be parsed in any parts and in any order.
 */
export function parseFeatures(sentences: readonly string[]): Float32Array {
  const width = PARSE_FEATURES.length;
  const features = new Float32Array(sentences.length * width);
  sentences.forEach((sentence, i) => features.set(featuresOf(sentence), i * width));
  return features;
}

function featuresOf(sentence: string): number[] {
  const doc = nlp(sentence);
  const docs = (doc as unknown as { docs: Term[][] }).docs;
  let verbs = 0;
  let openers = 0;
  let nouns = 0;
  let nounWords = 0;
  // Chunk marks come with clauses(), which splits at them.
  const clauses = doc.clauses().length;
  for (const terms of docs) {
    terms.forEach(({ normal, tags, chunk }, at) => {
      const starts = chunk !== terms[at - 1]?.chunk;
      if (chunk === 'Verb' && starts) verbs++;
      if (chunk === 'Noun') {
        nounWords++;
        if (starts) nouns++;
      }
      if (OPENERS.has(normal) && !tags?.has('Determiner')) openers++;
    });
  }
  return [clauses, verbs, openers, nouns === 0 ? 0 : nounWords / nouns];
}
