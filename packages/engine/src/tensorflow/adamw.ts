import type { SignatureWriter } from '@mdiff/trace';

export interface AdamwSlot {
  variable: string;
  /** Variables of the first and second moments, of the shape of `variable`. */
  m: string;
  v: string;
  /** Output of the graph that is the gradient with respect to `variable`; the signature does not return it. */
  gradient: string;
  /** The decoupled weight decay applies. */
  decay: boolean;
  /** Variable of the exponential moving average. */
  ema?: string;
}

export interface AdamwOptions {
  slots: AdamwSlot[];
  beta1: number;
  beta2: number;
  /**
   * A registered operation that does the whole update of one slot:
   * (p, m, v, g, scale, rate, beta1, beta2, eps, keep) → a scalar that says it is done, with
   * m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², p ← keep·p − rate·m/(√v + eps), where g is the gradient times scale, or 0 when scale is 0.
   * It writes over p, m and v, which are the memory of variables, so it has to run after everything that reads them.
   */
  op?: string;
}

/** Scalar float32 inputs that AdamW adds to a signature. */
export const ADAMW_INPUTS = ['adam.clip', 'adam.rate', 'adam.root', 'adam.eps', 'adam.keep', 'adam.ema'] as const;

const SCALAR = { dtype: 'float32' as const, shape: [] };

/** The inputs of every slot's update. References are those of `SignatureWriter`. */
interface Factors {
  scale: string;
  lr: string;
  beta1: string;
  beta2: string;
  epsilon: string;
  keep: string;
  /** Share of the new parameters in the average. */
  fresh: string;
  zero: string;
  one: string;
}

const float = ({ emit }: SignatureWriter, op: string, ...inputs: string[]): string => emit.typed(op, 'float32', inputs);

/** Gradients of the slots; their variables are claimed. */
function takeGradients({ slots }: AdamwOptions, writer: SignatureWriter): string[] {
  return slots.map(({ variable, m, v, ema, gradient }) => {
    const { tensor, ...info } = writer.take(gradient, 'gradient');
    if (info.dtype !== 'float32') writer.fail(`gradient '${gradient}' is ${info.dtype}; expected float32`);
    for (const name of ema === undefined ? [variable, m, v] : [variable, m, v, ema])
      writer.claim(name, 'variable of adamw', { ...info, what: `gradient '${gradient}'` });
    return tensor;
  });
}

function globalNorm(gradients: readonly string[], writer: SignatureWriter): string {
  const { emit } = writer;
  const halves = gradients.map((gradient) => float(writer, 'L2Loss', gradient));
  const half = halves.length === 1 ? halves[0]! : emit.typed('AddN', 'float32', halves, { N: { int: halves.length } });
  return float(writer, 'Sqrt', float(writer, 'Mul', half, emit.scalar(2, 'float32')));
}

/** The factors of this step. When the norm is not finite they are such that the update changes nothing. */
function writeFactors({ beta1, beta2 }: AdamwOptions, inputs: readonly string[], norm: string, writer: SignatureWriter): Factors {
  const { emit } = writer;
  const [clip, rate, root, eps, keep, average] = inputs as [string, string, string, string, string, string];
  const [zero, one] = [emit.scalar(0, 'float32'), emit.scalar(1, 'float32')];
  const finite = float(writer, 'IsFinite', norm);
  const whenFinite = (value: string, otherwise: string): string => float(writer, 'SelectV2', finite, value, otherwise);
  const clipped = emit.add('LogicalAnd', [float(writer, 'Greater', clip, zero), float(writer, 'Greater', norm, clip)]);
  const scale = whenFinite(float(writer, 'SelectV2', clipped, float(writer, 'RealDiv', clip, norm), one), zero);
  const lr = whenFinite(float(writer, 'RealDiv', rate, root), zero);
  const epsilon = whenFinite(float(writer, 'RealDiv', eps, root), one);
  const [first, second] = [beta1, beta2].map((beta) => whenFinite(emit.scalar(beta, 'float32'), one)) as [string, string];
  const kept = whenFinite(keep, one);
  const averaging = float(writer, 'Greater', average, zero);
  const fresh = whenFinite(float(writer, 'SelectV2', averaging, float(writer, 'Sub', one, average), zero), zero);
  return { scale, lr, beta1: first, beta2: second, epsilon, keep: kept, fresh, zero, one };
}

/** One slot with TensorFlow's own operations: the decay, then the fused kernel. */
function applyFused({ variable, m, v, decay }: AdamwSlot, gradient: string, factors: Factors, writer: SignatureWriter): string {
  const { scale, lr, beta1, beta2, epsilon, keep, zero } = factors;
  const after = decay ? [writer.assign(variable, float(writer, 'Mul', writer.read(variable), keep))] : writer.afterRead(variable);
  // MulNoNan gives 0 for 0 · NaN, so that a gradient that is not finite cannot reach the moments.
  const scaled = float(writer, 'MulNoNan', gradient, scale);
  const handles = [variable, m, v].map((name) => writer.handle(name));
  const waits = [...after, ...writer.afterRead(m), ...writer.afterRead(v)];
  return writer.emit.typed('ResourceApplyAdam', 'float32', [...handles, zero, zero, lr, beta1, beta2, epsilon, scaled, ...waits]);
}

/** One slot with the registered operation; undefined when the signature returns the old values, which it would write over. */
function applyRegistered(
  op: string,
  { variable, m, v, decay }: AdamwSlot,
  gradient: string,
  factors: Factors,
  writer: SignatureWriter,
): string | undefined {
  const { scale, lr, beta1, beta2, epsilon, keep, one } = factors;
  const memory = [variable, m, v].map((name) => writer.read(name));
  const waits = [variable, m, v].map((name) => writer.readers(name));
  if (waits.some((readers) => readers === undefined)) return undefined;
  const after = new Set(waits.flatMap((readers) => readers!));
  return writer.emit.add(op, [...memory, gradient, scale, lr, beta1, beta2, epsilon, decay ? keep : one, ...after]);
}

/** The average moves toward the parameters as they are after `update`. */
function writeAverage(variable: string, ema: string, update: string, fresh: string, writer: SignatureWriter): void {
  const next = writer.emit.add('ReadVariableOp', [writer.handle(variable), update], { dtype: { type: 'float32' } });
  const before = writer.read(ema);
  const step = float(writer, 'MulNoNan', float(writer, 'Sub', next, before), fresh);
  writer.wait(writer.assign(ema, float(writer, 'AddV2', before, step)));
}

/**
 * The update of a signature that takes one AdamW step (arXiv 1711.05101, section 2). It adds the scalar inputs `ADAMW_INPUTS` and the
 * output `grad_norm`, the global norm before clipping.
 *
 * Gradients are clipped to the global norm `adam.clip` (0 = off). Then m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
 * p ← keep·p − rate·m/(root·√v + eps), with rate = lr/(1−β₁ˢ), root = 1/√(1−β₂ˢ), and keep = 1 − lr·λ for a slot that decays, else 1.
 * Last, ema ← d·ema + (1−d)·p for d = `adam.ema` > 0.
 * TensorFlow's kernel ResourceApplyAdam computes lr·m/(√v + ε), hence lr = rate/root and ε = eps/root.
 *
 * When the norm is not finite, nothing changes. The norm is summed in float32, so one above 1.8e19 counts as infinite.
 */
export const adamw =
  (options: AdamwOptions) =>
  (writer: SignatureWriter): void => {
    const gradients = takeGradients(options, writer);
    const inputs = ADAMW_INPUTS.map((name) => writer.input(name, SCALAR.dtype, SCALAR.shape));
    const norm = globalNorm(gradients, writer);
    const factors = writeFactors(options, inputs, norm, writer);
    options.slots.forEach((slot, i) => {
      const registered = options.op === undefined ? undefined : applyRegistered(options.op, slot, gradients[i]!, factors, writer);
      const update = `^${registered ?? applyFused(slot, gradients[i]!, factors, writer)}`;
      writer.wait(update);
      if (slot.ema !== undefined) writeAverage(slot.variable, slot.ema, update, factors.fresh, writer);
    });
    writer.output('grad_norm', norm, SCALAR);
  };
