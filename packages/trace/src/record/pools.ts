import { tf } from '../tf.js';
import type { Recorder, Value } from './recorder.js';
import { call, cast, define } from './rules.js';
import { padded, places, slice, spreadBack, total, windowOf, type Window } from './windows.js';

/** Recording rules of pooling over two or three axes, with its gradients, written with one slice for every place of the window. */

const { backend_util } = tf;

type Attrs = Record<string, unknown>;
const pool = (x: number[], a: Attrs): Window =>
  windowOf(
    x.length === 5
      ? backend_util.computePool3DInfo(
          x as [number, number, number, number, number],
          a.filterSize as number,
          a.strides as number,
          1,
          a.pad as 'same',
          a.dimRoundingMode as 'floor',
        )
      : backend_util.computePool2DInfo(
          x as [number, number, number, number],
          a.filterSize as number,
          a.strides as number,
          1,
          a.pad as number,
          a.dimRoundingMode as 'floor',
        ),
  );

/** Of two axes and one place, TensorFlow.js returns what has the right shape as it is, whatever the padding. */
const isIdentity = ({ axes }: Window): boolean =>
  axes.length === 2 && axes.every(({ input, output, window }) => window === 1 && input === output);

const maxOver = (r: Recorder, x: Value, window: Window): Value => {
  const input = padded(r, x, window, -Infinity);
  return places(window)
    .map((place) => slice(r, input, window, place))
    .reduce((a, b) => call(r, 'Maximum', [a, b]));
};

/** 1 / number of inputs under each window, and at least `least`: borders do not count. */
function shares(r: Recorder, window: Window, least: number): Value {
  const counts = window.axes.map(({ input, output, window: size, stride, before }) =>
    Array.from({ length: output }, (_, i) => Math.max(0, Math.min(input, i * stride - before + size) - Math.max(0, i * stride - before))),
  );
  const all = counts.reduce<number[]>((heads, axis) => heads.flatMap((head) => axis.map((count) => head * count)), [1]);
  return r.constant(all.map((count) => 1 / Math.max(least, count)), [1, ...window.axes.map(({ output }) => output), 1], 'float32'); // prettier-ignore
}

for (const suffix of ['', '3D']) {
  define(`MaxPool${suffix}`, ['x'], () => (r, [x], a) => {
    const window = pool(x!.shape, a);
    const input = cast(r, x!, 'float32');
    return [isIdentity(window) ? input : maxOver(r, input, window)];
  });
  define(`AvgPool${suffix}`, ['x'], () => (r, [x], a) => {
    const window = pool(x!.shape, a);
    if (isIdentity(window)) return [cast(r, x!, 'float32')];
    const input = padded(r, cast(r, x!, 'float32'), window, 0);
    return [call(r, 'Multiply', [total(r, places(window).map((place) => slice(r, input, window, place))), shares(r, window, suffix === '' ? 0 : 1)])]; // prettier-ignore
  });
  define(`AvgPool${suffix}Grad`, ['dy', 'input'], () => (r, [dy, x], a) => {
    const window = pool(x!.shape, a);
    // TensorFlow.js divides the gradient by the whole window, also where the window reaches over the border.
    const share = r.constant([1 / places(window).length], [], 'float32');
    const each = call(r, 'Multiply', [dy!, share]);
    return [total(r, places(window).map((place) => spreadBack(r, each, window, place)))]; // prettier-ignore
  });
  define(`MaxPool${suffix}Grad`, ['dy', 'input', 'output'], () => (r, [dy, x], a) => {
    // The first of equal values gets the gradient, with three axes the last one, as in TensorFlow.js.
    const window = pool(x!.shape, a);
    const input = padded(r, x!, window, -Infinity);
    const most = maxOver(r, x!, window);
    let left = call(r, 'OnesLike', [dy!]);
    const order = suffix === '' ? places(window) : places(window).reverse();
    const parts = order.map((place) => {
        const hit = call(r, 'Multiply', [call(r, 'Cast', [call(r, 'Equal', [slice(r, input, window, place), most])], { dtype: 'float32' }), left]); // prettier-ignore
        left = call(r, 'Sub', [left, hit]);
        return spreadBack(r, call(r, 'Multiply', [dy!, hit]), window, place);
      }); // prettier-ignore
    return [total(r, parts)];
  });
}
