import { tf } from './tf.js';

/** The variables of a TensorFlow.js optimiser: its moments of each weight, and numbers that change with every step. */

/** A moment of a weight, such as `dense/kernel/m`. */
interface Slot {
  originalName: string;
  variable: tf.Variable;
}

const isSlot = (entry: unknown): entry is Slot =>
  typeof entry === 'object' && entry !== null && (entry as Partial<Slot>).variable instanceof tf.Variable;

/** By name: moments by the name that TensorFlow.js gives them, numbers as `optimizer/accBeta1`. */
function variablesIn(optimizer: tf.Optimizer): Record<string, tf.Variable> {
  const found: Record<string, tf.Variable> = {};
  for (const [key, value] of Object.entries(optimizer) as [string, unknown][]) {
    if (value instanceof tf.Variable) found[`optimizer/${key}`] = value;
    else if (Array.isArray(value)) for (const slot of value.filter(isSlot)) found[slot.originalName] = slot.variable;
  }
  return found;
}

interface Counter {
  iterations_?: number;
}

/** Runs `fn`, which steps the optimiser, and leaves its count of steps as it was. */
export function uncounted<T>(optimizer: tf.Optimizer, fn: () => T): T {
  const counter = optimizer as unknown as Counter;
  const { iterations_: count } = counter;
  try {
    return fn();
  } finally {
    if (count === undefined) delete counter.iterations_;
    else counter.iterations_ = count;
  }
}

/**
 * The variables of an optimiser of these weights, with their first values if it has made no step yet.
 * An optimiser makes its moments in its first step. A step with gradients of zero makes them without changing them; all other variables get
 * back the values that they had.
 */
export function optimizerState(optimizer: tf.Optimizer, weights: readonly tf.Variable[]): Record<string, tf.Variable> {
  if (optimizer.iterations > 0) return variablesIn(optimizer);
  const before = [...weights, ...Object.values(variablesIn(optimizer))].map((variable) => [variable, variable.clone()] as const);
  uncounted(optimizer, () => {
    tf.tidy(() => optimizer.applyGradients(weights.map((variable) => ({ name: variable.name, tensor: tf.zerosLike(variable) }))));
  });
  for (const [variable, value] of before) {
    variable.assign(value);
    value.dispose();
  }
  const known = new Set(before.map(([variable]) => variable));
  // The centred RMSProp of TensorFlow.js takes a root below zero where a gradient is zero; moments begin at zero.
  for (const moment of Object.values(variablesIn(optimizer)))
    if (!known.has(moment)) tf.tidy(() => moment.assign(tf.where(tf.isNaN(moment), tf.zerosLike(moment), moment)));
  return variablesIn(optimizer);
}
