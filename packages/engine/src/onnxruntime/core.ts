import { layout as layoutOf } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { resultsInOrder, toOnnx } from '@mdiff/trace';
import type { Core, WorkerOptions } from '../engine.js';
import { passGraph } from '../passes/graphs.js';
import type { StepOptions } from '../passes/graphs.js';
import { coreOver, wholePasses } from '../passes/host.js';
import { OPERATORS, OPSET, operatorOps } from './operators.js';
import { remembered } from '../passes/memo.js';
import { timed } from '../passes/phases.js';
import { openOrtSession } from './session.js';
import { passesInParts } from '../passes/part-threads.js';
import type { PassToOnnx } from '../passes/part-threads.js';
import { partsFor } from '../parts.js';

// ONNX Runtime on the processor. Each pass is traced once for every pair of rows and positions. The number of loss positions stays open, so the
// vocabulary projection is computed for those alone. The weights are fed as views of one flat buffer: onnxruntime-node does not copy inputs.

// A run has about four passes. Their models hold no weights.
const models = remembered<Uint8Array>(16);

/** The ONNX model of a pass, as ONNX Runtime gets it. */
export const onnxPass =
  (options: StepOptions, layout: ParamLayout): PassToOnnx =>
  (shape) =>
    models(JSON.stringify([options.model, options.labelSmoothing, options.checkpointing, shape]), () => {
      const graph = passGraph(shape, { ...options, ops: operatorOps }, layout);
      return timed('lower', () => toOnnx(resultsInOrder(graph), { contrib: true, checkIds: false, opset: OPSET, ops: OPERATORS }));
    });

export function onnxRuntimeCore(options: WorkerOptions): Core {
  const { model, threads } = options;
  const layout = layoutOf(model);
  const toOnnx = onnxPass(options, layout);
  const parts = partsFor(threads);
  return coreOver(
    options,
    parts > 1
      ? passesInParts(model, layout, toOnnx, { parts, threads: threads / parts })
      : wholePasses(model, layout, (shape) => openOrtSession(toOnnx(shape), threads)),
  );
}
