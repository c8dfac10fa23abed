import { CLUSTER_VERSION, clusterSample, distances, fitCentres, rowsOf } from './cluster.js';
import type { Advance, Embed, Embedding } from './embed.js';
import { BLOCK, inBlocks, type Work } from './work.js';

export interface Centrality {
  /** distance of each sentence from the nearest centre */
  values: Float32Array;
  /** of the embedding */
  dimensions: number;
  /** number of centres that were asked for */
  k: number;
}

/**
 * The distance of each sentence from the nearest centre. A text of one block is embedded once, and its vectors are kept. Of a longer text only the vectors
 * of k-means' sample and of one block are in memory, and the sample is embedded twice.
 */
export async function centrality(work: Work): Promise<Centrality> {
  const { texts, options, memo } = work;
  const { embedder, seed, block = BLOCK } = options;
  const n = texts.length;
  const k = Math.max(1, Math.min(options.curriculum.n_clusters, n));
  const identity = { name: embedder.name, version: embedder.version };
  const settings = { version: CLUSTER_VERSION, embedder: [embedder.name, embedder.version], k, seed };
  let fitted: Promise<Embed> | undefined;
  const embed = async (sentences: readonly string[], advance?: Advance): Promise<Float32Array> => {
    const embedPart = await (fitted ??= embedder.fit?.(texts) ?? Promise.resolve(embedder.embed));
    return (await embedPart(sentences, advance)).data;
  };
  const picked = clusterSample(n, seed);
  const centresOf = async (points: Embedding): Promise<Float64Array> =>
    (options.fitCentres ?? fitCentres)(points, { k, seed: picked.seed });

  if (n <= block) {
    let vectors: Float32Array = new Float32Array(0);
    for await (const { values } of inBlocks('embedding', identity, work, embed)) vectors = values;
    const embedding = { data: vectors, dimensions: vectors.length / Math.max(1, n) };
    const values = await memo('distance', settings, async () =>
      distances(embedding, n, await centresOf(rowsOf(embedding, picked.sentences))),
    );
    return { values, dimensions: embedding.dimensions, k };
  }
  const data = await memo('embedding-sample', { ...identity, seed }, () => embed(Array.from(picked.sentences, (i) => texts[i]!)));
  const dimensions = data.length / picked.sentences.length;
  const values = await memo('distance', { ...settings, block }, async () => {
    const centres = await centresOf({ data, dimensions });
    const all = new Float32Array(n);
    for await (const { from, sentences, values: vectors } of inBlocks('embedding', identity, work, embed)) {
      all.set(distances({ data: vectors, dimensions }, sentences.length, centres), from);
    }
    return all;
  });
  return { values, dimensions, k };
}
