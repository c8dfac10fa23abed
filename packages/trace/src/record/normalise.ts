import type { Recorder, Value } from './recorder.js';
import { call, define } from './rules.js';

/** Recording rules of normalisations, written with kernels that every target has. */

define('FusedBatchNorm', ['x', 'mean', 'variance', 'offset', 'scale'], () =>
  (r, [x, mean, variance, offset, scale], a) => {
    const epsilon = r.constant([a.varianceEpsilon as number], [], 'float32');
    const spread = call(r, 'Sqrt', [call(r, 'Add', [variance!, epsilon])]);
    const centered = call(r, 'Sub', [x!, mean!]);
    const scaled = call(r, 'RealDiv', [scale ? call(r, 'Multiply', [centered, scale]) : centered, spread]);
    return [offset ? call(r, 'Add', [scaled, offset]) : scaled];
  });

interface Neighbours {
  depthRadius: number;
  bias: number;
  alpha: number;
  beta: number;
}

/** Σ of the `radius` channels on either side and of the channel itself; [batch, height, width, channels]. */
function overChannels(r: Recorder, x: Value, radius: number): Value {
  const size = x.shape.slice();
  const wide = call(r, 'PadV2', [x], { paddings: [[0, 0], [0, 0], [0, 0], [radius, radius]], constantValue: 0 }); // prettier-ignore
  const parts = Array.from({ length: 2 * radius + 1 }, (_, i) => call(r, 'Slice', [wide], { begin: [0, 0, 0, i], size }));
  return parts.reduce((a, b) => call(r, 'Add', [a, b]));
}

/** bias + alpha · Σ x² */
function norm(r: Recorder, x: Value, { depthRadius, bias, alpha }: Neighbours): Value {
  const sum = overChannels(r, call(r, 'Square', [x]), depthRadius);
  return call(r, 'Add', [call(r, 'Multiply', [sum, r.constant([alpha], [], 'float32')]), r.constant([bias], [], 'float32')]);
}

const power = (r: Recorder, x: Value, exponent: number): Value => call(r, 'Pow', [x, r.constant([exponent], [], 'float32')]);

define('LRN', ['x'], () =>
  (r, [x], attrs) => {
    const a = attrs as unknown as Neighbours;
    return [call(r, 'Multiply', [x!, power(r, norm(r, x!, a), -a.beta)])];
  });
// dx = dy · norm^−β − 2αβ · x · Σ over the neighbours of y · dy / norm
define('LRNGrad', ['x', 'y', 'dy'], () =>
  (r, [x, y, dy], attrs) => {
    const a = attrs as unknown as Neighbours;
    const sums = norm(r, x!, a);
    const shared = overChannels(r, call(r, 'RealDiv', [call(r, 'Multiply', [y!, dy!]), sums]), a.depthRadius);
    const own = call(r, 'Multiply', [dy!, power(r, sums, -a.beta)]);
    const factor = r.constant([2 * a.alpha * a.beta], [], 'float32');
    return [call(r, 'Sub', [own, call(r, 'Multiply', [factor, call(r, 'Multiply', [x!, shared])])])];
  });
