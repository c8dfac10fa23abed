import { TraceError } from './error.js';
import type { Graph } from './graph/graph.js';
import { ownEntry } from './graph/own.js';
import type { tf } from './tf.js';

/** The learning rate of an optimiser of TensorFlow.js, which is a number on the host, as an input of a step's graph. */

const RATE = 'learningRate';

/** No optimiser has these numbers for another reason. */
const RATES = [0.6180339887, 0.5772156649] as const;

interface Rated {
  learningRate?: number;
  setLearningRate?: (rate: number) => void;
}

function setRate(optimizer: Rated, rate: number): void {
  // SGD keeps a tensor of it.
  if (optimizer.setLearningRate) optimizer.setLearningRate(rate);
  else optimizer.learningRate = rate;
}

/** The numbers of a graph that are the learning rate, or its negative. @throws TraceError where the rate is part of something else */
function rates(first: Graph, other: Graph): Map<string, 1 | -1> {
  const found = new Map<string, 1 | -1>();
  const [a, b] = RATES.map(Math.fround) as [number, number];
  const refuse = (): never => {
    throw new TraceError(
      `compile: the optimizer computes with its learning rate on the host, so the rate cannot be an input; leave out \`learningRate\` to make it a constant`,
    );
  };
  if (JSON.stringify(first.nodes) !== JSON.stringify(other.nodes)) refuse();
  for (const [name, values] of Object.entries(first.constants)) {
    const twin = other.constants[name]!;
    if (values.length === twin.length && values.every((value, i) => Object.is(value, twin[i]))) continue;
    const sign = ([1, -1] as const).find((one) => values.length === 1 && values[0] === one * a && twin[0] === one * b);
    found.set(name, sign ?? refuse());
  }
  if (found.size === 0) refuse();
  return found;
}

/**
 * The graph of a step with the input `learningRate`. `record` traces the step, which mdiff does at two rates: the numbers that differ are the rate.
 */
export function openRate(optimizer: tf.Optimizer, record: () => Graph): Graph {
  const rated = optimizer as unknown as Rated;
  const { learningRate } = rated;
  if (learningRate === undefined)
    throw new TraceError('compile: the optimizer has no learning rate that could be an input; leave out `learningRate`');
  let graphs: Graph[];
  try {
    graphs = RATES.map((rate) => {
      setRate(rated, rate);
      return record();
    });
  } finally {
    setRate(rated, learningRate);
  }
  const [graph, other] = graphs as [Graph, Graph];
  if (ownEntry(graph.values, RATE))
    throw new TraceError(`compile: the model has an input or weight called '${RATE}', as the learning rate would be; rename it`);
  const signs = rates(graph, other);
  const negative = `_${RATE}`;
  const names = new Map([...signs].map(([name, sign]) => [name, sign === 1 ? RATE : negative]));
  const { constants, values } = graph;
  const kept = <T>(record: Record<string, T>): Record<string, T> => Object.fromEntries(Object.entries(record).filter(([name]) => !names.has(name))); // prettier-ignore
  const scalar = { shape: [], dtype: 'float32' as const };
  return {
    ...graph,
    inputs: [...graph.inputs, { name: RATE, ...scalar }],
    constants: kept(constants),
    values: { ...kept(values), [RATE]: scalar, [negative]: scalar },
    nodes: [
      { kernel: 'Neg', inputs: [RATE], outputs: [negative], attrs: {} },
      ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) })),
    ],
  };
}
