import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { SizeRange } from '../graph/fit.js';
import { ownEntry } from '../graph/own.js';
import type { Dtype } from '../graph/graph.js';

/** An input of a traced function. A string in `shape` names a symbolic dimension. */
export interface InputSpec {
  shape: readonly (number | string)[];
  dtype: Dtype;
}

/** A variable, or the weight of a layer that holds one. */
export type TracedVariable = tf.Variable | { val: tf.Variable };

const DTYPES: readonly unknown[] = ['float32', 'int32', 'bool'];

/** Checks a name that the caller chose. @throws TraceError for one that a graph cannot have */
export function checkName(what: string, name: string): void {
  if (name === '' || name.startsWith('_'))
    throw new TraceError(`${what} '${name}': expected a name that does not start with '_'; rename it`);
}

/** @throws TraceError that names the input */
function checkInput(name: string, spec: unknown): void {
  const wanted = `expected { shape, dtype } such as { shape: ['n', 3], dtype: 'float32' }`;
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    throw new TraceError(`input '${name}': ${wanted}, got ${write(spec)}`);
  const { shape, dtype } = spec as Partial<InputSpec>;
  if (!Array.isArray(shape)) throw new TraceError(`input '${name}' has no shape; ${wanted}`);
  if (!DTYPES.includes(dtype)) throw new TraceError(`input '${name}': expected dtype float32, int32 or bool, got ${write(dtype)}`);
  for (const dim of shape as unknown[]) {
    if (typeof dim === 'string') checkName(`size of input '${name}'`, dim);
    else if (!Number.isSafeInteger(dim) || (dim as number) < 0)
      throw new TraceError(
        `input '${name}': expected whole sizes in its shape, got ${write(dim)}; give a size that is known only at run time a name, such as 'n'`,
      );
  }
}

const write = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

/** Checks inputs and names; returns the symbolic dimensions in the order in which the inputs have them. */
export function checkInputs(inputs: Readonly<Record<string, InputSpec>>, variables: Readonly<Record<string, unknown>>): string[] {
  for (const name of [...Object.keys(inputs), ...Object.keys(variables)]) checkName('input or variable name', name);
  for (const [name, spec] of Object.entries(inputs)) checkInput(name, spec);
  return [...new Set(Object.values(inputs).flatMap(({ shape }) => shape.filter((dim) => typeof dim === 'string')))];
}

/** The variables by name; weights of layers become the variables that they hold. */
export function variablesOf(listed: Readonly<Record<string, TracedVariable>>): [string, tf.Variable][] {
  return Object.entries(listed).map(([name, entry]) => {
    const variable = entry instanceof tf.Variable ? entry : entry?.val;
    if (!(variable instanceof tf.Variable))
      throw new TraceError(`variable '${name}': expected a tf.Variable or the weight of a layer, got ${typeof entry}`);
    return [name, variable];
  });
}

/** The range of each symbolic dimension; `limits` are largest sizes. @throws TraceError for a range that has no size */
export function rangesOf(
  dims: readonly string[],
  limits: Readonly<Record<string, number>>,
  sizes: Readonly<Record<string, SizeRange>>,
): Record<string, SizeRange> {
  for (const name of [...Object.keys(limits), ...Object.keys(sizes)])
    if (!dims.includes(name))
      throw new TraceError(
        `size '${name}' is in no shape of an input; expected one of ${dims.join(', ') || 'none, because no size is open'}`,
      );
  return Object.fromEntries(
    dims.map((name) => {
      const limit = ownEntry(limits, name);
      const range = { ...(limit === undefined ? {} : { max: limit }), ...ownEntry(sizes, name) };
      const { min = 0, max = Infinity, multiple = 1 } = range;
      if (!Number.isInteger(multiple) || multiple < 1)
        throw new TraceError(`size '${name}': expected a whole multiple of at least 1, got ${multiple}`);
      if (!(Math.ceil(min / multiple) * multiple <= max))
        throw new TraceError(`size '${name}': no multiple of ${multiple} lies between its min ${min} and max ${max}`);
      return [name, range];
    }),
  );
}
