import { parseFeatures } from '@mdiff/curriculum/scores';
import { Moved, serveWorker } from './rpc.js';

// The worker thread of score.ts: compromise takes about a millisecond a sentence.

serveWorker({
  parse: (sentences: readonly string[]) => {
    const features = parseFeatures(sentences);
    return new Moved(features, [features.buffer as ArrayBuffer]);
  },
});
