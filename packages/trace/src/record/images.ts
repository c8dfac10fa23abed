import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { Recorder, Value } from './recorder.js';
import { call, cast, define, reshape } from './rules.js';

/**
 * Recording rules of kernels that move pixels: resizing, crops, and blocks of pixels in channels or in the batch. All are written with
 * gathers, products and transposes, so that every target has them. Images are [batch, height, width, channels].
 */

const { backend_util } = tf;

/** Of one axis: pixels of the input and of the output, and input pixels per output pixel. */
interface Scale {
  from: number;
  to: number;
  ratio: number;
}

const scaleOf = (from: number, to: number, alignCorners: boolean): Scale => {
  const corners = alignCorners && to > 1;
  return { from, to, ratio: (corners ? from - 1 : from) / (corners ? to - 1 : to) };
};

/** Rows or columns of an image by their numbers along `axis`. */
const pick = (r: Recorder, x: Value, axis: number, numbers: number[]): Value =>
  call(r, 'GatherV2', [x, r.constant(numbers, [numbers.length], 'int32')], { axis, batchDims: 0 });

/** a + (b − a) · weight, as TensorFlow.js interpolates */
const between = (r: Recorder, a: Value, b: Value, weight: Value): Value =>
  call(r, 'Add', [a, call(r, 'Multiply', [call(r, 'Sub', [b, a]), weight])]);

const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function interpolate(r: Recorder, x: Value, axis: 1 | 2, { from, to, ratio }: Scale, half: boolean): Value {
  const places = indices(to).map((i) => (half ? ratio * (i + 0.5) - 0.5 : ratio * i));
  const low = places.map((place) => Math.max(0, Math.floor(place)));
  const high = places.map((place) => Math.min(from - 1, Math.ceil(place)));
  const weights = places.map((place, i) => place - low[i]!);
  const shape = axis === 1 ? [1, to, 1, 1] : [1, 1, to, 1];
  return between(r, pick(r, x, axis, low), pick(r, x, axis, high), r.constant(weights, shape, 'float32'));
}

const sizes = (x: Value): [number, number] => [x.shape[1]!, x.shape[2]!];
const scales = (from: [number, number], to: [number, number], attrs: Record<string, unknown>): [Scale, Scale] => [
  scaleOf(from[0], to[0], Boolean(attrs.alignCorners)),
  scaleOf(from[1], to[1], Boolean(attrs.alignCorners)),
];

define('ResizeBilinear', ['images'], () =>
  (r, [images], a) => {
    const [rows, columns] = scales(sizes(images!), a.size as [number, number], a);
    const half = Boolean(a.halfPixelCenters);
    return [interpolate(r, interpolate(r, cast(r, images!, 'float32'), 2, columns, half), 1, rows, half)];
  });

const nearest = ({ from, ratio }: Scale, place: number, alignCorners: boolean): number =>
  Math.min(from - 1, alignCorners ? Math.round(ratio * place) : Math.floor(ratio * place));

define('ResizeNearestNeighbor', ['images'], () =>
  (r, [images], a) => {
    const [rows, columns] = scales(sizes(images!), a.size as [number, number], a).map((scale) =>
      indices(scale.to).map((i) => Math.max(0, nearest(scale, a.halfPixelCenters ? i + 0.5 : i, Boolean(a.alignCorners)))),
    );
    return [pick(r, pick(r, images!, 1, rows!), 2, columns!)];
  });

/** The gradient of an image: `weight(scale, i)` lists the pixels of the input that output pixel i was made of, with their shares. */
function resizeBack(
  r: Recorder,
  dy: Value,
  images: Value,
  attrs: Record<string, unknown>,
  shares: (scale: Scale, i: number) => [number, number][],
): Value {
  const [b, h, w, c] = images.shape as [number, number, number, number];
  const [oh, ow] = sizes(dy);
  const [rows, columns] = scales([h, w], [oh, ow], attrs).map((scale) => {
    const matrix = new Float32Array(scale.from * scale.to);
    for (const i of indices(scale.to)) for (const [pixel, share] of shares(scale, i)) matrix[pixel * scale.to + i]! += share;
    return r.constant(matrix, [1, scale.from, scale.to], 'float32');
  });
  const product = { transposeA: false, transposeB: false };
  const tall = call(r, 'BatchMatMul', [rows!, reshape(r, dy, [b, oh, ow * c])], product);
  const wide = call(r, 'BatchMatMul', [columns!, reshape(r, tall, [b * h, ow, c])], product);
  return reshape(r, wide, [b, h, w, c]);
}

// TensorFlow.js takes no notice of halfPixelCenters here, in either gradient.
define('ResizeBilinearGrad', ['images', 'dy'], () =>
  (r, [images, dy], a) => [
    resizeBack(r, dy!, images!, a, ({ from, ratio }, i) => {
      const low = Math.floor(i * ratio);
      return [
        [low, 1 - (i * ratio - low)],
        [Math.min(Math.ceil(i * ratio), from - 1), i * ratio - low],
      ];
    }),
  ]);
define('ResizeNearestNeighborGrad', ['images', 'dy'], () =>
  (r, [images, dy], a) => [resizeBack(r, dy!, images!, a, (scale, i) => [[nearest(scale, i, Boolean(a.alignCorners)), 1]])]);

/** Boxes [n, 4] as y1, x1, y2, x2 of the image's height and width, each [n, 1]. */
const side = (r: Recorder, boxes: Value, column: number): Value =>
  call(r, 'Slice', [boxes], { begin: [0, column], size: [boxes.shape[0]!, 1] });

/** Where the crop's pixels lie along an axis of `size` pixels, [n, crop], and true for those in the image. */
function along(r: Recorder, boxes: Value, axis: 0 | 1, size: number, crop: number): { place: Value; inside: Value } {
  const number = (value: number): Value => r.constant([value], [], 'float32');
  const [first, last] = [side(r, boxes, axis), side(r, boxes, axis + 2)];
  const start = call(r, 'Multiply', [first, number(size - 1)]);
  const middle = call(r, 'Multiply', [call(r, 'Add', [first, last]), number(0.5 * (size - 1))]);
  const step = (): Value => call(r, 'RealDiv', [call(r, 'Multiply', [call(r, 'Sub', [last, first]), number(size - 1)]), number(crop - 1)]);
  const steps = r.constant(indices(crop), [1, crop], 'float32');
  const place = crop > 1 ? call(r, 'Add', [start, call(r, 'Multiply', [steps, step()])]) : middle;
  const inside = call(r, 'LogicalAnd', [call(r, 'GreaterEqual', [place, number(0)]), call(r, 'LessEqual', [place, number(size - 1)])]);
  return { place, inside };
}

define('CropAndResize', ['image', 'boxes', 'boxInd'], () =>
  (r, [image, boxes, boxInd], a) => {
    const [batch, height, width, channels] = image!.shape as [number, number, number, number];
    const [cropHeight, cropWidth] = a.cropSize as [number, number];
    const n = boxes!.shape[0]!;
    if (n === 0) throw new TraceError('CropAndResize of no boxes cannot be traced; give the boxes a size with a name');
    const y = along(r, boxes!, 0, height, cropHeight);
    const x = along(r, boxes!, 1, width, cropWidth);
    const pixels = reshape(r, cast(r, image!, 'float32'), [batch * height * width, channels]);
    const whole = (value: number): Value => r.constant([value], [], 'int32');
    const clip = (value: Value, most: number): Value => call(r, 'ClipByValue', [cast(r, value, 'int32'), ], { clipValueMin: 0, clipValueMax: most }); // prettier-ignore
    const number = reshape(r, clip(boxInd!, batch - 1), [n, 1, 1]);
    /** The pixels at these rows [n, cropHeight] and columns [n, cropWidth]: [n, cropHeight, cropWidth, channels] */
    const pixelsAt = (rows: Value, columns: Value): Value => {
      const row = reshape(r, clip(rows, height - 1), [n, cropHeight, 1]);
      const line = call(r, 'Add', [call(r, 'Multiply', [number, whole(height)]), row]);
      const column = reshape(r, clip(columns, width - 1), [n, 1, cropWidth]);
      return call(r, 'GatherV2', [pixels, call(r, 'Add', [call(r, 'Multiply', [line, whole(width)]), column])], { axis: 0, batchDims: 0 });
    };
    let result: Value;
    if (a.method === 'bilinear') {
      const [top, left] = [y, x].map(({ place }) => call(r, 'Floor', [place])) as [Value, Value];
      const [bottom, right] = [y, x].map(({ place }) => call(r, 'Ceil', [place])) as [Value, Value];
      const xWeight = reshape(r, call(r, 'Sub', [x.place, left]), [n, 1, cropWidth, 1]);
      const yWeight = reshape(r, call(r, 'Sub', [y.place, top]), [n, cropHeight, 1, 1]);
      result = between(r, between(r, pixelsAt(top, left), pixelsAt(top, right), xWeight), between(r, pixelsAt(bottom, left), pixelsAt(bottom, right), xWeight), yWeight); // prettier-ignore
    } else {
      // Math.round, which rounds halves up.
      const [row, column] = [y, x].map(({ place }) => call(r, 'Floor', [call(r, 'Add', [place, r.constant([0.5], [], 'float32')])]));
      result = pixelsAt(row!, column!);
    }
    const shape = result.shape;
    const spread = (value: Value): Value => call(r, 'BroadcastTo', [value], { shape });
    const inside = call(r, 'LogicalAnd', [reshape(r, y.inside, [n, cropHeight, 1, 1]), reshape(r, x.inside, [n, 1, cropWidth, 1])]);
    const fill = (value: number): Value => call(r, 'Fill', [], { shape, value, dtype: 'float32' });
    const filled = call(r, 'Select', [spread(inside), result, fill(a.extrapolationValue as number)]);
    // A box of an image that is not there is left black.
    const there = reshape(r, call(r, 'Less', [cast(r, boxInd!, 'int32'), whole(batch)]), [n, 1, 1, 1]);
    return [call(r, 'Select', [spread(there), filled, fill(0)])];
  });

/** [batch, height, width, channels · block²] → [batch, height · block, width · block, channels] */
define('DepthToSpace', ['x'], (name) =>
  (r, [x], a) => {
    const block = a.blockSize as number;
    if (a.dataFormat !== 'NHWC') throw new TraceError(`${name} with data format '${String(a.dataFormat)}' cannot be traced; use 'NHWC'`);
    const [b, h, w, c] = x!.shape as [number, number, number, number];
    const depth = c / (block * block);
    const open = reshape(r, x!, [b, h, w, block, block, depth]);
    return [reshape(r, call(r, 'Transpose', [open], { perm: [0, 1, 3, 2, 4, 5] }), [b, h * block, w * block, depth])];
  });

const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);

define('SpaceToBatchND', ['x'], () =>
  (r, [x], a) => {
    const block = a.blockShape as number[];
    const given = a.paddings as [number, number][];
    const paddings = x!.shape.map((_, axis): [number, number] => given[axis - 1] ?? [0, 0]);
    const wide = call(r, 'PadV2', [x!], { paddings, constantValue: 0 });
    const count = product(block);
    const open = reshape(r, wide, backend_util.getReshaped(wide.shape, block, count, false));
    const moved = call(r, 'Transpose', [open], { perm: backend_util.getPermuted(open.shape.length, block.length, false) });
    return [reshape(r, moved, backend_util.getReshapedPermuted(wide.shape, block, count, false))];
  });
define('BatchToSpaceND', ['x'], () =>
  (r, [x], a) => {
    const block = a.blockShape as number[];
    const crops = a.crops as [number, number][];
    const count = product(block);
    const open = reshape(r, x!, backend_util.getReshaped(x!.shape, block, count));
    const moved = call(r, 'Transpose', [open], { perm: backend_util.getPermuted(open.shape.length, block.length) });
    const flat = reshape(r, moved, backend_util.getReshapedPermuted(x!.shape, block, count));
    const begin = backend_util.getSliceBeginCoords(crops as unknown as number[][], block.length);
    const size = backend_util.getSliceSize(flat.shape, crops as unknown as number[][], block.length);
    // The channels are whole, also where TensorFlow.js names only the first axes.
    return [call(r, 'Slice', [flat], { begin: flat.shape.map((_, i) => begin[i] ?? 0), size: flat.shape.map((dim, i) => size[i] ?? dim) })]; // prettier-ignore
  });

define('FlipLeftRight', ['image'], () =>
  (r, [image]) => [call(r, 'Reverse', [image!], { dims: [2] })]);
