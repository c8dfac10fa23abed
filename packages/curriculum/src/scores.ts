// A separate entry: the tagger and the linear algebra take a third of a second to load, and stages that select `all` need neither.
export type { Cluster, PlaneMap } from './clusters.js';
export { unitComplexity } from './complexity.js';
export { scoreSentences, type ScoreReport, type Scores, type Signal } from './score.js';
export { listSentences } from './sentence.js';
export { fitCentres } from './signals/cluster.js';
export type { Advance, Embed, Embedder, Embedding } from './signals/embed.js';
export { PARSE_FEATURES, parseFeatures } from './signals/parse.js';
export { learnLatent, tfidfSvd, type LatentSpace } from './signals/tfidf.js';
export type { Memo, ScoreOptions } from './signals/work.js';
export { correlations, surveySentences, type Measure, type Survey } from './survey.js';
