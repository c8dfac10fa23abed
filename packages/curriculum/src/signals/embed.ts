/** Vectors of unit length (or zero), one a sentence, [n × d] row-major. */
export interface Embedding {
  data: Float32Array;
  dimensions: number;
}

/** Reports that `count` more sentences are done. */
export type Advance = (count: number) => void;

export type Embed = (sentences: readonly string[], advance?: Advance) => Promise<Embedding>;

/** Makes vectors that lie near each other for sentences of similar meaning or words. The same sentences give the same vectors. */
export interface Embedder {
  /** the name in `curriculum.embedding_model` */
  name: string;
  /** changes whenever the same sentences give other vectors; part of the key of the cache */
  version: string;
  embed: Embed;
  /** For an embedder that learns from the text: learns from all sentences and returns the function that embeds any part of them. */
  fit?(sentences: readonly string[]): Promise<Embed>;
}
