import { tf } from '../tf.js';
import { TraceError } from '../error.js';

/** Windows of convolutions and pooling over one to three spatial axes: where they lie, as TensorFlow.js places them. */

const { backend_util } = tf;

/** Along one spatial axis. */
export interface Axis {
  input: number;
  output: number;
  window: number;
  stride: number;
  dilation: number;
  before: number;
}

/** A window over the spatial axes of [batch, …axes, channels]. */
export interface Window {
  axes: Axis[];
  channels: number;
}

interface ConvInfo {
  dataFormat: string;
  inDepth?: number;
  inHeight: number;
  inWidth: number;
  outDepth?: number;
  outHeight: number;
  outWidth: number;
  filterDepth?: number;
  filterHeight: number;
  filterWidth: number;
  strideDepth?: number;
  strideHeight: number;
  strideWidth: number;
  dilationDepth?: number;
  dilationHeight: number;
  dilationWidth: number;
  inChannels: number;
  padInfo: { front?: number; top: number; left: number };
}

function windowOf(info: ConvInfo): Window {
  if (info.dataFormat === 'channelsFirst') throw new TraceError("a convolution with data format 'NCHW' cannot be traced; use 'NHWC'");
  const { padInfo } = info;
  const axes: Axis[] = [
    [info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, info.dilationHeight, padInfo.top],
    [info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, info.dilationWidth, padInfo.left],
  ].map(([input, output, window, stride, dilation, before]) => ({ input, output, window, stride, dilation, before }) as Axis);
  if (info.inDepth !== undefined)
    axes.unshift({
      input: info.inDepth,
      output: info.outDepth!,
      window: info.filterDepth!,
      stride: info.strideDepth!,
      dilation: info.dilationDepth!,
      before: padInfo.front!,
    });
  return { axes, channels: info.inChannels };
}

/** Rows of the padded input that the windows reach. */
export const reach = ({ output, window, stride, dilation }: Axis): number => (output - 1) * stride + (window - 1) * dilation + 1;

type Attrs = Record<string, unknown>;

export const conv2d = (x: number[], filter: number[], a: Attrs, depthwise = false): Window =>
  windowOf(
    backend_util.computeConv2DInfo(
      x as [number, number, number, number],
      filter as [number, number, number, number],
      a.strides as [number, number],
      (a.dilations as [number, number] | undefined) ?? 1,
      a.pad as number,
      a.dimRoundingMode as 'floor' | undefined,
      depthwise,
      backend_util.convertConv2DDataFormat((a.dataFormat as 'NHWC' | undefined) ?? 'NHWC'),
    ),
  );
export const conv3d = (x: number[], filter: number[], a: Attrs): Window =>
  windowOf(
    backend_util.computeConv3DInfo(
      x as [number, number, number, number, number],
      filter as [number, number, number, number, number],
      a.strides as [number, number, number],
      (a.dilations as [number, number, number] | undefined) ?? 1,
      a.pad as 'same',
    ),
  );

export const pool = (x: number[], a: Attrs): Window =>
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
export const isIdentity = ({ axes }: Window): boolean =>
  axes.length === 2 && axes.every(({ input, output, window }) => window === 1 && input === output);
