import type { ParamLayout } from '@mdiff/model';
import type { Graph } from '@mdiff/trace';
import type { Feeds } from '../passes/feeds.js';
import type { TrainState } from '../state.js';

// The training state as variables of a SavedModel: one for each parameter and slot, and one for the flat gradient.

/** The variables of every parameter: its value, its Adam moments, its average. */
type Slot = keyof TrainState;

/** The flat gradient, summed since the last update. */
const GRADIENT = 'gradient';

const slots = (average: boolean): Slot[] => (average ? ['params', 'm', 'v', 'ema'] : ['params', 'm', 'v']);

/** The variable that holds a parameter's slot. */
export const variableOf = (slot: Slot, name: string): string => (slot === 'params' ? name : `${slot}/${name}`);

interface Variable {
  shape: number[];
  dtype: 'float32';
}

/** Every variable of the model, `average`: with the averaged weights. */
export function variablesFor({ params, total }: ParamLayout, average: boolean): Record<string, Variable> {
  const variables: Record<string, Variable> = { [GRADIENT]: { shape: [total], dtype: 'float32' } };
  for (const slot of slots(average))
    for (const { name, shape } of params) variables[variableOf(slot, name)] = { shape: [...shape], dtype: 'float32' };
  return variables;
}

/** The inputs of signature `init`: a state and a flat gradient. */
export function initFeeds({ params, total }: ParamLayout, state: TrainState, gradient: Float32Array): Feeds {
  const feeds: Feeds = { [GRADIENT]: { type: 'float32', data: gradient, shape: [total] } };
  for (const slot of slots(state.ema !== undefined)) {
    for (const { name, offset, size, shape } of params)
      feeds[variableOf(slot, name)] = { type: 'float32', data: state[slot]!.subarray(offset, offset + size), shape: [...shape] };
  }
  return feeds;
}

/** The state in the outputs of signature `read`. */
export function stateFrom({ params, total }: ParamLayout, values: Readonly<Record<string, Float32Array>>, average: boolean): TrainState {
  const flat = (slot: Slot): Float32Array => {
    const out = new Float32Array(total);
    for (const { name, offset } of params) out.set(values[variableOf(slot, name)]!, offset);
    return out;
  };
  return { params: flat('params'), m: flat('m'), v: flat('v'), ...(average && { ema: flat('ema') }) };
}

/** The graph with its parameter inputs as reads of the variables of a slot. */
export function onVariables(graph: Graph, { params }: ParamLayout, slot: Slot = 'params'): Graph {
  const variables = new Map(params.map(({ name }) => [name, variableOf(slot, name)]));
  const rename = (name: string): string => variables.get(name) ?? name;
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !variables.has(name)),
    variables: graph.inputs.filter(({ name }) => variables.has(name)).map((input) => ({ ...input, name: rename(input.name) })),
    values: Object.fromEntries(Object.entries(graph.values).map(([name, info]) => [rename(name), info])),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
    outputs: graph.outputs.map((output) => ({ ...output, value: rename(output.value) })),
  };
}

/** A graph that returns the variable of the gradient. */
export function gradientGraph({ total }: ParamLayout): Graph {
  const info = { shape: [total], dtype: 'float32' as const };
  return {
    dims: [],
    inputs: [],
    variables: [{ name: GRADIENT, ...info }],
    constants: {},
    values: { [GRADIENT]: info },
    nodes: [],
    outputs: [{ name: GRADIENT, value: GRADIENT }],
    updates: [],
  };
}
