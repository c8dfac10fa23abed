import { layout as layoutOf } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { resultsInOrder, toOnnx } from '@mdiff/trace';
import type { Core, WorkerOptions } from '../engine.js';
import { passGraph } from '../passes/graphs.js';
import type { StepOptions } from '../passes/graphs.js';
import { coreOver, wholePasses } from '../passes/host.js';
import { OPERATORS, OPSET, operatorOps } from './operators.js';
import { timed } from '../passes/phases.js';
import { openSession } from './session.js';
import { sharedPasses } from '../passes/sharing.js';
import type { Lower } from '../passes/sharing.js';
import { partsFor } from '../parts.js';

// The training graph is traced once per (rows, positions); the number of evaluated rows stays symbolic, so that the vocabulary
// projection is computed for masked positions only. Weights are fed as views of one flat buffer (onnxruntime-node does not copy inputs).

/** The ONNX model of a pass, as ONNX Runtime is given it. */
export const loweredPass =
  (options: StepOptions, layout: ParamLayout): Lower =>
  (kind, B, S, masks) => {
    const graph = passGraph(kind, { ...options, ops: operatorOps }, layout, B, S, masks);
    return timed('lower', () => toOnnx(resultsInOrder(graph), { contrib: true, opset: OPSET, ops: OPERATORS }));
  };

export function onnxRuntimeCore(options: WorkerOptions): Core {
  const layout = layoutOf(options.model);
  const lowered = loweredPass(options, layout);
  const parts = partsFor(options.threads);
  return coreOver(
    options,
    parts > 1
      ? sharedPasses(options.model, layout, lowered, parts, options.threads / parts)
      : wholePasses(options.model, layout, (...pass) => openSession(lowered(...pass), options.threads)),
  );
}
