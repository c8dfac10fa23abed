import { tf } from '@mdiff/model';
import { layout as layoutOf } from '@mdiff/model';
import type { Core, WorkerOptions } from '../engine.js';
import { passOf } from '../passes/graphs.js';
import { hostCore } from '../passes/host.js';

/** The reference: tfjs-cpu computes the same functions eagerly, without a graph. */
export function tfjsCore(options: WorkerOptions): Core {
  const layout = layoutOf(options.model);
  return hostCore(options, ({ kind }) => {
    const fn = passOf(kind, options, layout);
    return Promise.resolve((feeds) => {
      const values: Record<string, Float32Array> = {};
      // `tidy` returns nothing: it would search the numbers one by one for tensors.
      tf.tidy(() => {
        const outputs = fn(
          Object.fromEntries(Object.entries(feeds).map(([name, { type, data, shape }]) => [name, tf.tensor(data, [...shape], type)])),
        );
        for (const [name, tensor] of Object.entries(outputs)) values[name] = tensor.dataSync() as Float32Array;
      });
      return Promise.resolve(values);
    });
  });
}
