import { mustBe } from '@mdiff/arguments';
import { TAGGER, read } from './tagger.js';

/** Changes with the tagger and with the features. */
export const PARSE_VERSION = `${TAGGER}, 1`;

/** The counts of a sentence; each is higher in a harder one. */
export const PARSE_FEATURES = ['clauses', 'verb phrases', 'subordination', 'noun-phrase length'] as const;

// Words that open a dependent clause; `that` counts only if the tagger does not call it a determiner.
const OPENERS = new Set(
  (
    'after although because before if lest once since though till unless until when whenever where whereas wherever whereby wherein whether while whilst ' +
    'who whom whose which whoever whatever whichever that'
  ).split(' '),
);

/**
 * Counts of `PARSE_FEATURES` in each sentence, [sentences × 4] row-major, by compromise's tagger for English. The counts of a sentence do not depend on
 * other sentences, so a text may be parsed in any parts and in any order.
 */
export function parseFeatures(sentences: readonly string[]): Float32Array {
  mustBe('parseFeatures', 'sentences', sentences, 'list');
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
    terms.forEach(({ normal, tags, chunk }, i) => {
      const starts = chunk !== terms[i - 1]?.chunk;
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
