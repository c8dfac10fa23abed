// The content of the page of a text: plain records, which any package may fill. @mdiff/prepare's survey of a text is one.

/** A unit, and one way in which the network may meet it. */
export interface ExampleRecord {
  /** its text in order; the tokens of a piece are hidden or not */
  pieces: readonly { text: string; hidden: boolean }[];
  tokens: number;
  /** 0 (easy) … 1 (hard) */
  complexity: number;
  /** mask ratio */
  rate: number;
}

export interface StageRecord {
  name: string;
  /** sentences, paragraphs, … */
  format: string;
  selection: 'easy' | 'medium' | 'hard' | 'all';
  /** smallest and largest mask ratio */
  range: readonly [number, number];
  epochs: number;
  /** undefined where some stage has no text */
  steps: number | undefined;
  /** of all units of the format, selected or not */
  complexity: Float64Array;
  selected: { complexity: Float64Array; tokens: Int32Array };
  rows: number;
  /** share of the rows' positions that is padding */
  padded: number;
  /** from easy to hard; none where nothing is selected */
  examples: readonly ExampleRecord[];
}

type Signal = 'lexical' | 'syntactic' | 'centrality';

export interface ClusterRecord {
  size: number;
  /** mean over its sentences */
  complexity: number;
  /** indices of the sentences nearest to its centre, nearest first */
  central: readonly number[];
  /** the most telling first */
  words: readonly string[];
}

/** Sentences on a plane; the arrays run in parallel. */
export interface PlaneRecord {
  sentences: Int32Array;
  x: Float64Array;
  y: Float64Array;
  cluster: Int32Array;
  /** share of the variance that the plane keeps, 0 … 1 */
  variance: number;
}

export interface MethodRecord {
  sentences: number;
  scored: number;
  mean_words: number;
  weights: Readonly<Record<Signal, number>>;
  seed: number;
  versions: Readonly<Record<string, string | number>>;
  embedder?: { name: string; dimensions: number };
  clusters?: number;
  readability_metrics: readonly string[];
  /** with sentence length in words: of the raw signal, and of the rank that is weighted */
  length_correlation: Partial<Record<Signal, { raw: number; rank: number }>>;
}

/** The scored sentences, each once, in the order of the text; the arrays run in parallel. */
export interface ScoreRecord {
  texts: readonly string[];
  /** in words */
  lengths: Float64Array;
  complexity: Float64Array;
  ranks: Partial<Record<Signal, Float64Array>>;
  measures: readonly { name: string; signal: string; values: ArrayLike<number> }[];
  /** the largest first */
  clusters: readonly ClusterRecord[];
  /** number of sentences in the clusters */
  clustered: number;
  map?: PlaneRecord;
  scores: { report: MethodRecord };
}

export interface TextRecord {
  source: string;
  titles: readonly string[];
  documents: { train: number; heldOut: number };
  vocabulary: { size: number; from: string };
  tokens: number;
  bytes: number;
  /** positions of a row */
  length: number;
  /** percentiles of difficulty */
  thresholds: { easy: number; hard: number };
  /** share of the units that any mask ratio may hide */
  fullRangeFraction: number;
  stages: readonly StageRecord[];
  /** the stages over the run's steps; empty where some stage has no text */
  stretches: readonly { from: number; to: number; stage: number; weight: number; range: readonly [number, number] }[];
  survey: ScoreRecord;
  /** row-major */
  correlations: { names: readonly string[]; matrix: Float64Array };
  /** mean complexity in equal parts of the text; NaN where a part has no scored sentence */
  course: Float64Array;
  notices: readonly string[];
}
