// An entry of its own: the tagger and the linear algebra take a third of a second to load, and plans that select `all` need neither.
export { fitCentres } from './cluster.js';
export type { Advance, Embed, Embedder, Embedding } from './embed.js';
export { PARSE_FEATURES, parseFeatures } from './parse.js';
export { correlations, surveySentences, type Cluster, type Measure, type PlaneMap, type Survey } from './report.js';
export { scoreSentences, unitComplexity, type Memo, type ScoreOptions, type ScoreReport, type Scores, type Signal } from './score.js';
export { listSentences } from './sentence.js';
export { learnLatent, tfidfSvd, type LatentSpace } from './tfidf.js';
