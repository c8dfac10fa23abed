import type { Dim } from '../graph/extent.js';
import type { Graph } from '../graph/graph.js';
import { broadcastShapes, equalShapes, isBroadcast } from '../graph/shapes.js';
import { spread } from './clean.js';
import { rewrite, type Rewriter } from './rewrite.js';

/** Kernels that broadcast their inputs against each other. */
const ELEMENTWISE = new Set([
  ...[
    'Abs',
    'Cast',
    'Ceil',
    'ClipByValue',
    'Cos',
    'Elu',
    'Erf',
    'Exp',
    'Floor',
    'IsNan',
    'Log',
    'LogicalNot',
    'Neg',
    'Reciprocal',
    'Relu',
    'Rsqrt',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sqrt',
    'Square',
    'Step',
    'Tanh',
  ],
  ...[
    'Add',
    'Equal',
    'FloorDiv',
    'Greater',
    'GreaterEqual',
    'Less',
    'LessEqual',
    'LogicalAnd',
    'LogicalOr',
    'Maximum',
    'Minimum',
    'Multiply',
    'NotEqual',
    'Pow',
    'RealDiv',
    'SquaredDifference',
    'Sub',
  ],
  'Select',
]);

/** The value that `name` repeats: the input of a broadcasting Tile, or a single number for a Fill. */
function source(name: string, r: Rewriter): string {
  const node = r.producer(name);
  if (node?.kernel === 'Tile' && isBroadcast(r.info(node.inputs[0]!).shape, node.attrs.reps as Dim[])) return node.inputs[0]!;
  const { shape, dtype } = r.info(name);
  const value = node?.kernel === 'Fill' && shape.length > 0 ? r.uniform(name) : undefined;
  return value === undefined ? name : r.bake([value], [], dtype);
}

/** Elementwise kernels broadcast by themselves instead of reading repeated copies; where all operands are repeated, the result is repeated instead. */
export const sinkBroadcasts = (graph: Graph): Graph =>
  rewrite(graph, (node, r) => {
    if (!ELEMENTWISE.has(node.kernel)) return undefined;
    const sources = node.inputs.map((input) => source(input, r));
    if (sources.every((name, i) => name === node.inputs[i])) return undefined;
    const { shape, dtype } = r.info(node.outputs[0]!);
    const small = broadcastShapes(sources.map((name) => r.info(name).shape));
    if (!small) return undefined;
    const result = r.emit(node.kernel, sources, node.attrs, small, dtype);
    return [equalShapes(small, shape) ? result : spread(result, shape, r)];
  });
