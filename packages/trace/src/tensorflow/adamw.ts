import type { Session } from './model.js';

export interface AdamwSlots {
  slots: {
    variable: string;
    /** Variables of the first and second moments, of the shape of `variable`. */
    m: string;
    v: string;
    /** Output of the graph that is the gradient with respect to `variable`. */
    gradient: string;
    /** Whether the decoupled weight decay applies. */
    decay: boolean;
    /** Variable of the exponential moving average. */
    ema?: string;
  }[];
  beta1: number;
  beta2: number;
}

/** Scalar float32 inputs that a signature with `adamw` gets. */
export const ADAMW_INPUTS = ['adam.clip', 'adam.rate', 'adam.root', 'adam.eps', 'adam.keep', 'adam.ema'] as const;

/**
 * One AdamW step (arXiv 1711.05101, algorithm 2) on variables, with the fused kernel ResourceApplyAdam, after clipping to the global
 * norm `adam.clip` (0 = off): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← keep·p − rate·m/(root·√v + eps), with rate = lr/(1−β₁ˢ),
 * root = 1/√(1−β₂ˢ), keep = 1 − lr·λ where a slot decays and 1 elsewhere, then ema ← d·ema + (1−d)·p for d = `adam.ema` > 0.
 * The kernel computes lr·m/(√v + ε), hence lr = rate/root and ε = eps/root. When the norm is not finite, nothing changes.
 * The norm is summed in float32, so that one above 1.8e19 counts as infinite. Where the runtime has an operation for all of it
 * (`RuntimeOps.adamw`), each value is read and written once.
 * @returns a reference to the global norm before clipping
 */
export function writeAdamw({ slots, beta1, beta2 }: AdamwSlots, gradients: readonly string[], session: Session): string {
  const { emit, handles, read, afterRead, readers, updates, input } = session;
  const float = (op: string, ...inputs: string[]): string => emit.typed(op, 'float32', inputs);
  const [clip, rate, root, eps, keep, average] = ADAMW_INPUTS.map((name) => input(name, 'float32', [])) as [string, string, string, string, string, string];
  const [zero, one] = [emit.scalar(0, 'float32'), emit.scalar(1, 'float32')];
  const dtype = { dtype: { type: 'float32' } } as const;
  const assign = (name: string, value: string, after: string[]): string => `^${emit.add('AssignVariableOp', [handles[name]!, value, ...after], dtype)}`;

  const halves = gradients.map((gradient) => float('L2Loss', gradient));
  const half = halves.length === 1 ? halves[0]! : emit.typed('AddN', 'float32', halves, { N: { int: halves.length } });
  const norm = float('Sqrt', float('Mul', half, emit.scalar(2, 'float32')));
  const finite = float('IsFinite', norm);
  const whenFinite = (value: string, otherwise: string): string => float('SelectV2', finite, value, otherwise);
  const clipped = emit.add('LogicalAnd', [float('Greater', clip, zero), float('Greater', norm, clip)]);
  const scale = whenFinite(float('SelectV2', clipped, float('RealDiv', clip, norm), one), zero);
  const lr = whenFinite(float('RealDiv', rate, root), zero);
  const epsilon = whenFinite(float('RealDiv', eps, root), one);
  const [first, second] = [beta1, beta2].map((beta) => whenFinite(emit.scalar(beta, 'float32'), one)) as [string, string];
  const kept = whenFinite(keep, one);
  const fresh = whenFinite(float('SelectV2', float('Greater', average, zero), float('Sub', one, average), zero), zero);

  const oneByOne = ({ variable, m, v, decay }: AdamwSlots['slots'][number], i: number): string => {
    const after = decay ? [assign(variable, float('Mul', read(variable), kept), afterRead(variable))] : afterRead(variable);
    // 0 · NaN is 0 here, so that a gradient that is not finite cannot reach the moments.
    const gradient = float('MulNoNan', gradients[i]!, scale);
    const states = [handles[variable]!, handles[m]!, handles[v]!];
    const waits = [...after, ...afterRead(m), ...afterRead(v)];
    return emit.typed('ResourceApplyAdam', 'float32', [...states, zero, zero, lr, first, second, epsilon, gradient, ...waits]);
  };
  /** The runtime's operation, unless somebody may read the old values later. */
  const atOnce = ({ variable, m, v, decay }: AdamwSlots['slots'][number], i: number): string | undefined => {
    if (emit.ops.adamw === undefined) return undefined;
    const states = [read(variable), read(m), read(v)];
    const waits = [variable, m, v].map((name) => readers(name));
    if (waits.some((one) => one === undefined)) return undefined;
    return emit.add(emit.ops.adamw, [...states, gradients[i]!, scale, lr, first, second, epsilon, decay ? kept : one, ...new Set(waits.flatMap((some) => some!))]);
  };
  slots.forEach((slot, i) => {
    const { variable, ema } = slot;
    const applied = atOnce(slot, i) ?? oneByOne(slot, i);
    updates.push(`^${applied}`);
    if (ema === undefined) return;
    const next = emit.add('ReadVariableOp', [handles[variable]!, `^${applied}`], dtype);
    const before = read(ema);
    updates.push(assign(ema, float('AddV2', before, float('MulNoNan', float('Sub', next, before), fresh)), afterRead(ema)));
  });
  return norm;
}
