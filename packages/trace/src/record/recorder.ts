import { TraceError, atLine } from '../error.js';
import { uniform, arrayOf } from '../graph/arrays.js';
import type { Dim } from '../graph/extent.js';
import { ownEntry } from '../graph/own.js';
import type { Attr, Attrs, Dtype, Graph } from '../graph/graph.js';

/** A value while it is being traced: all sizes are numbers. */
export interface Value {
  name: string;
  shape: number[];
  dtype: Dtype;
}

/** Recording rules write into it: a graph with concrete sizes, and the stack of every node for messages. */
export interface Recorder {
  graph: Graph;
  /** Stack at the time each node was recorded; JavaScript formats it only when a message reads it. */
  places: { stack?: string }[];
  emit(kernel: string, inputs: Value[], attrs: Attrs, shape: number[], dtype: Dtype): Value;
  emitAll(kernel: string, inputs: Value[], attrs: Attrs, outputs: { shape: number[]; dtype: Dtype }[]): Value[];
  constant(values: ArrayLike<number>, shape: number[], dtype: Dtype): Value;
  declare(name: string, shape: number[], dtype: Dtype): Value;
}

/** Uniform arrays of more elements than this become `Fill` nodes. */
const INLINE = 1;

/** @param located takes the stack at every node, a fifth of the time of a trace */
export function createRecorder(located: boolean): Recorder {
  const graph: Graph = { dims: [], inputs: [], variables: [], constants: {}, values: {}, nodes: [], outputs: [], updates: [] };
  const places: { stack?: string }[] = [];
  let count = 0;
  const declare = (name: string, shape: number[], dtype: Dtype): Value => {
    if (ownEntry(graph.values, name))
      throw new TraceError(`two inputs or variables of the traced function are called '${name}'; give each its own name`);
    graph.values[name] = { shape: shape.slice(), dtype };
    return { name, shape: shape.slice(), dtype };
  };
  const emitAll: Recorder['emitAll'] = (kernel, inputs, attrs, outputs) => {
    const values = outputs.map((output) => declare(`_${count++}`, output.shape, output.dtype));
    const place: { stack?: string } = {};
    if (located) Error.captureStackTrace(place, emitAll);
    places.push(place);
    graph.nodes.push({ kernel, inputs: inputs.map((input) => input.name), outputs: values.map((value) => value.name), attrs });
    return values;
  };
  return {
    graph,
    places,
    declare,
    emitAll,
    emit: (kernel, inputs, attrs, shape, dtype) => emitAll(kernel, inputs, attrs, [{ shape, dtype }])[0]!,
    constant(values, shape, dtype) {
      if (values.length > INLINE && uniform(values)) {
        return emitAll('Fill', [], { shape: shape.slice(), value: Number(values[0]), dtype }, [{ shape, dtype }])[0]!;
      }
      const value = declare(`_${count++}`, shape, dtype);
      graph.constants[value.name] = arrayOf(dtype, values);
      return value;
    },
  };
}

export const placeOf = (recorder: Recorder, node: number): string => atLine(recorder.places[node]?.stack);

/** Text of an attribute in messages. */
export function describe(attr: Attr | undefined): string {
  if (Array.isArray(attr)) return `[${attr.map(describe).join(', ')}]`;
  return typeof attr === 'object' ? JSON.stringify(attr) : String(attr as Dim);
}
