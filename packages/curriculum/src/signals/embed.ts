/** Vectors of unit length (or zero), one a sentence, [n × d] row-major. */
export interface Embedding {
  data: Float32Array;
  dimensions: number;
}

/** Told how many more sentences are done. */
export type Advance = (count: number) => void;

export type Embed = (sentences: readonly string[], advance?: Advance) => Promise<Embedding>;

/** Makes vectors whose neighbourhood is likeness of meaning or of words. Same sentences, same vectors. */
export interface Embedder {
  /** the name in `curriculum.embedding_model` */
  name: string;
  /** changes whenever the same sentences give other vectors: the key of what is cached */
  version: string;
  embed: Embed;
  /** Of an embedder that learns from the text: what embeds any part of it, having learnt from all. Without it, parts are embedded as they come. */
  fit?(sentences: readonly string[]): Promise<Embed>;
}
