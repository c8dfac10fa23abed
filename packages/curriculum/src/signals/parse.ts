import { TAGGER, read } from './tagger.js';

/** Changes with the tagger and with what is counted. */
export const PARSE_VERSION = `${TAGGER}, 1`;

/** What is counted in a sentence, each more with a harder one. */
export const PARSE_FEATURES = ['clauses', 'verb phrases', 'subordination', 'noun-phrase length'] as const;

// Words that open a dependent clause; `that` only where the tagger takes it for a conjunction and not for a determiner.
const OPENERS = new Set(
  ('after although because before if lest once since though till unless until when whenever where whereas wherever whereby wherein whether while whilst ' +
    'who whom whose which whoever whatever whichever that').split(' '),
);

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
  const { docs, clauses } = read(sentence);
  let verbs = 0;
  let openers = 0;
  let nouns = 0;
  let nounWords = 0;
  for (const terms of docs) {
    terms.forEach(({ normal, tags, chunk }, at) => {
      const starts = chunk !== terms[at - 1]?.chunk;
      if (chunk === 'Verb' && starts) verbs++;
      if (chunk === 'Noun') {
        nounWords++;
        if (starts) nouns++;
      }
      if (OPENERS.has(normal) && !tags.has('Determiner')) openers++;
    });
  }
  return [clauses, verbs, openers, nouns === 0 ? 0 : nounWords / nouns];
}
