import { fitCentres, learnLatent, parseFeatures } from '@mdiff/curriculum/scores';
import type { Embedding } from '@mdiff/curriculum/scores';
import type { OpenEncoder } from './encoder.js';
import { Moved, serveWorker } from '@mdiff/workers';

// The worker thread of scoring. A sentence takes compromise one to two milliseconds, and an encoder three to eight.

let encoder: { folder: string; opened: OpenEncoder } | undefined;

const end = async (): Promise<void> => {
  await encoder?.opened.close();
  encoder = undefined;
};

serveWorker({
  parse: (sentences: readonly string[]) => {
    const features = parseFeatures(sentences);
    return new Moved(features, [features.buffer as ArrayBuffer]);
  },
  learn: ({ sentences, seed }: { sentences: readonly string[]; seed: number }) => learnLatent(sentences, seed),
  centres: ({ points, settings }: { points: Embedding; settings: { k: number; seed: number } }) => fitCentres(points, settings),
  embed: async ({ folder, sentences }: { folder: string; sentences: readonly string[] }) => {
    if (encoder?.folder !== folder) {
      await end();
      // One thread in each worker: workers do not compete for cores, and the bits do not depend on the number of threads.
      encoder = { folder, opened: await (await import('./encoder.js')).openEncoder(folder, 1) };
    }
    const embedding = await encoder.opened.embed(sentences);
    return new Moved(embedding, [embedding.data.buffer as ArrayBuffer]);
  },
  end,
});
