/** Vectors of unit length (or zero), one a sentence, [n × d] row-major. */
export interface Embedding {
  data: Float32Array;
  dimensions: number;
}

/** Makes vectors whose neighbourhood is likeness of meaning or of words. Same sentences, same vectors. */
export interface Embedder {
  /** the name in `curriculum.embedding_model` */
  name: string;
  /** changes whenever the same sentences give other vectors: the key of what is cached */
  version: string;
  embed(sentences: readonly string[]): Promise<Embedding>;
}
