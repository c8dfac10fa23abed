import { tf } from '../tf.js';
import { isSymbolic, type Graph, type TypedArray } from '../graph/graph.js';
import { product } from '../graph/shapes.js';
import { compute, onCpu } from '../record/interpret.js';
import { rewrite, type Rule } from './rewrite.js';

/** Folding makes no value of more elements than this, unless the constants that it is made of have as many. */
const LIMIT = 65536;

const fold: Rule = (node, rewriter) => {
  const infos = node.inputs.map((input) => rewriter.info(input));
  const size = (shape: Parameters<typeof product>[0]): number => {
    const count = product(shape);
    return typeof count === 'number' ? count : Infinity;
  };
  const outputs = node.outputs.map((output) => rewriter.info(output));
  const made = outputs.reduce((total, output) => total + size(output.shape), 0);
  if (Object.values(node.attrs).some(isSymbolic) || !Number.isFinite(made)) return undefined;
  if (node.kernel === 'Foreign') return undefined; // Only the runtime can compute it.
  // A Fill costs less than a constant, except for a single number.
  if (node.kernel === 'Fill' && made > 1) return undefined;
  const sources = node.inputs.map((input): TypedArray | number | undefined => rewriter.constant(input) ?? rewriter.uniform(input));
  if (sources.some((source) => source === undefined)) return undefined;
  const held = infos.reduce((total, info, i) => total + (typeof sources[i] === 'number' ? 0 : size(info.shape)), 0);
  if (made > Math.max(LIMIT, held) || infos.some((info, i) => typeof sources[i] === 'number' && size(info.shape) > LIMIT)) return undefined;
  return onCpu(() => {
    const inputs = infos.map(({ shape, dtype }, i) => {
      const source = sources[i]!;
      return typeof source === 'number' ? tf.fill(shape as number[], source, dtype) : tf.tensor(source, shape as number[], dtype);
    });
    return compute(node, inputs).map((result, i) =>
      rewriter.bake(result.dataSync() as TypedArray, outputs[i]!.shape as number[], outputs[i]!.dtype),
    );
  });
};

/** Computes on tfjs-cpu every node that depends on constants only. */
export const foldConstants = (graph: Graph): Graph => rewrite(graph, fold);
