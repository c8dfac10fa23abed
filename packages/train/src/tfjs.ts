import * as tf from '@tensorflow/tfjs';
import { layout as layoutOf } from '@mdiff/model';
import type { Core, WorkerOptions } from './engine.js';
import { passOf } from './graphs.js';
import { hostCore } from './host.js';

/** The reference: the same functions, computed eagerly by tfjs-cpu as they stand. */
export function tfjsCore(options: WorkerOptions): Core {
  const layout = layoutOf(options.model);
  return hostCore(options, (kind) => {
    const fn = passOf(kind, options, layout);
    return Promise.resolve((feeds) =>
      Promise.resolve(
        tf.tidy(() => {
          const outputs = fn(Object.fromEntries(Object.entries(feeds).map(([name, { type, data, shape }]) => [name, tf.tensor(data, [...shape], type)])));
          return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.dataSync() as Float32Array]));
        }),
      ),
    );
  });
}
