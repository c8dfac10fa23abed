// The thread of 15-workers.ts.
import { serveWorker } from '@mdiff/workers';

serveWorker({
  square: (x: number) => x * x,
  root: (x: number) => {
    if (x < 0) throw new RangeError(`the root of ${x} is no real number`);
    return Math.sqrt(x);
  },
});
