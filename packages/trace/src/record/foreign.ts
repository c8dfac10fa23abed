import { mustBe } from '@mdiff/arguments';
import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import { BACKEND, register } from './backend.js';

/** Attributes of an operation; a number becomes a float attribute. */
export type ForeignAttrs = Readonly<Record<string, number | boolean>>;

/**
 * Records a call of an operation that only the runtime knows, such as one that a library registers in TensorFlow. Its outputs are float32
 * and have the given shapes. It has no gradient (wrap it in `tf.customGrad`).
 * @throws TraceError outside a trace
 */
export function foreign(
  op: string,
  inputs: readonly tf.Tensor[],
  outputs: readonly (readonly number[])[],
  attrs: ForeignAttrs = {},
): tf.Tensor[] {
  mustBe('foreign', 'op', op, 'string');
  mustBe('foreign', 'inputs', inputs, 'list');
  mustBe('foreign', 'outputs', outputs, 'list');
  mustBe('foreign', 'attrs', attrs, 'object');
  register();
  if (tf.getBackend() !== BACKEND)
    throw new TraceError(
      `operation '${op}' is only known to the runtime that a graph is made for, so it cannot be computed here; call it inside a traced function`,
    );
  const named = Object.fromEntries(inputs.map((input, i) => [String(i), input]));
  const result = tf
    .engine()
    .runKernel('Foreign', named, { op, outputs: outputs.map((shape) => [...shape]), attrs } as unknown as tf.NamedAttrMap);
  return Array.isArray(result) ? (result as tf.Tensor[]) : [result];
}
