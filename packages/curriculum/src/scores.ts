// An entry of its own: the tagger and the linear algebra take a third of a second to load, and plans that select `all` need neither.
export { fitCentres } from './signals/cluster.js';
export type { Advance, Embed, Embedder, Embedding } from './signals/embed.js';
export { PARSE_FEATURES, parseFeatures } from './signals/parse.js';
export { correlations, surveySentences, type Cluster, type Measure, type PlaneMap, type Survey } from './report.js';
export { scoreSentences, unitComplexity, type Memo, type ScoreOptions, type ScoreReport, type Scores, type Signal } from './score.js';
export { listSentences } from './sentence.js';
export { learnLatent, tfidfSvd, type LatentSpace } from './signals/tfidf.js';
