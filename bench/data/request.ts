/** The request that both sides get. */
export interface Request {
  /** of a text; or `file`, that is read first (ours alone) */
  sentences?: string[];
  file?: string;
  seed: number;
  clusters: number;
  /** folder of the encoder; null: tf-idf and SVD */
  encoder: string | null;
  /** processes or threads */
  processes: number;
  /** of the Python stack */
  tagger?: 'nltk' | 'spacy';
  /** weight of syntax (default 0.3); 0: nothing is parsed */
  syntax?: number;
}

export interface Answer {
  sentences?: number;
  scored: number;
  peak_mb: number;
  cpu_seconds: number;
  /** Spearman's, of each signal's ranks with sentence length */
  length_correlation: Record<string, number>;
  mean_complexity: number;
  parts?: Record<string, number>;
}
