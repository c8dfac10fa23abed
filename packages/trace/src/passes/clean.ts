import { arrayOf } from '../graph/arrays.js';
import { equal, isExtent, type Dim } from '../graph/extent.js';
import type { Graph, GraphNode } from '../graph/graph.js';
import { equalShapes } from '../graph/shapes.js';
import { rewrite, type Rewriter, type Rule } from './rewrite.js';

/** Rules that replace a kernel by its input or by a cheaper kernel. */

const dims = (node: GraphNode, key: string): Dim[] => node.attrs[key] as Dim[];
const shapeOf = (r: Rewriter, name: string): Dim[] => r.info(name).shape;
const refill = (node: GraphNode, r: Rewriter): string[] | undefined => {
  const value = r.uniform(node.inputs[0]!);
  const { shape, dtype } = r.info(node.outputs[0]!);
  return value === undefined || (r.constant(node.inputs[0]!) && shape.length === 0)
    ? undefined
    : [r.emit('Fill', [], { shape, value, dtype }, shape, dtype)];
};

/** Repeats `x` to `shape`: adds axes in front, then tiles axes of size one. */
export function spread(x: string, shape: Dim[], r: Rewriter): string {
  const { shape: from, dtype } = r.info(x);
  if (equalShapes(from, shape)) return x;
  const aligned: Dim[] = [...shape.slice(from.length).map(() => 1), ...from];
  const y = aligned.length === from.length ? x : r.emit('Reshape', [x], { shape: aligned }, aligned, dtype);
  const reps = shape.map((dim, i) => (equal(aligned[i]!, dim) ? 1 : dim));
  return reps.every((rep) => rep === 1) ? y : r.emit('Tile', [y], { reps }, shape, dtype);
}

/** A kernel whose result is its first (or either) input when the other is neutral. */
function neutral(isNeutral: (value: number, integer: boolean) => boolean, either: boolean): Rule {
  return (node, r) => {
    const [a, b] = node.inputs as [string, string];
    const { shape, dtype } = r.info(node.outputs[0]!);
    const drops = (name: string): boolean => {
      const value = r.uniform(name);
      return value !== undefined && isNeutral(value, dtype === 'int32');
    };
    if (drops(b)) return [spread(a, shape, r)];
    if (either && drops(a)) return [spread(b, shape, r)];
    return undefined;
  };
}
const one = neutral((value) => value === 1, true);

/** Smallest normal number of float32: below it, digits are lost. */
const NORMAL = 2 ** -126;

/**
 * x · a · b may become x · (a · b) without another overflow or underflow: |a| and |b| lie on the same side of 1, so that the product with
 * one lies between x and the product with both, and a · b is an ordinary number.
 */
function mergeable(a: number, b: number, reorder: boolean): boolean {
  const product = Math.abs(Math.fround(a * b));
  if (!Number.isFinite(a) || !Number.isFinite(b) || !Number.isFinite(product)) return false;
  if (product < NORMAL && a !== 0 && b !== 0) return false;
  return reorder || (Math.abs(a) - 1) * (Math.abs(b) - 1) >= 0;
}

/** The result cannot be negative, nor −0. */
const POSITIVE = new Set(['Abs', 'Exp', 'Square', 'Sigmoid', 'Softplus', 'Softmax']);

/** Drops a kernel that is applied twice, such as a negation, because the second undoes the first. */
const involution: Rule = (node, r) => {
  const inner = r.producer(node.inputs[0]!);
  return inner?.kernel === node.kernel ? [inner.inputs[0]!] : undefined;
};

/** Reducing axes of size one computes nothing: a reshape drops or keeps them. */
const reduction =
  (key: string): Rule =>
  (node, r) => {
    const { shape, dtype } = r.info(node.inputs[0]!);
    const out = r.info(node.outputs[0]!);
    if (dtype !== out.dtype || !(node.attrs[key] as number[]).every((axis) => shape[axis] === 1)) return undefined;
    return [r.emit('Reshape', [node.inputs[0]!], { shape: out.shape }, out.shape, dtype)];
  };

/**
 * The gradient of relu after a pool, [gradient of the pool] · step(y): where it is not zero, y is the largest value of a window, which the pool's
 * result has as well. So the smaller gradient before the pool is multiplied instead.
 */
const maskPooled: Rule = (node, r) => {
  for (const [gradient, mask] of [node.inputs, [...node.inputs].reverse()] as [string, string][]) {
    const [pooled, step] = [r.producer(gradient), r.producer(mask)];
    if (pooled?.kernel !== 'MaxPoolGrad' || step?.kernel !== 'Step' || step.attrs.alpha !== 0 || r.uses(gradient) !== 1) continue;
    const [dy, x, y] = pooled.inputs as [string, string, string];
    const forward = r.producer(y);
    const relu = r.producer(x);
    const same = step.inputs[0] === x || (relu?.kernel === 'Relu' && relu.inputs[0] === step.inputs[0]);
    if (!same || forward?.kernel !== 'MaxPool' || forward.inputs[0] !== x) continue;
    const small = r.info(y);
    const slope = r.emit('Step', [y], step.attrs, small.shape, small.dtype);
    const masked = r.emit('Multiply', [dy, slope], {}, small.shape, small.dtype);
    return [r.emit('MaxPoolGrad', [masked, x, y], pooled.attrs, r.info(gradient).shape, small.dtype)];
  }
  return undefined;
};

/** Rules of float32 arithmetic; `reorder` as in `OptimizeOptions`. */
const arithmetic = (reorder: boolean): Record<string, Rule> => ({
  // 0 + −0 is 0, so only −0 is neutral for every x.
  Add: neutral((value, integer) => value === 0 && (reorder || integer || Object.is(value, -0)), true),
  Sub: neutral((value, integer) => value === 0 && (reorder || integer || !Object.is(value, -0)), false),
  Multiply: (node, r) => {
    const result = one(node, r) ?? maskPooled(node, r);
    if (result) return result;
    // x · a · b becomes x · (a · b) for numbers a and b, if nothing else reads x · a.
    const numbers = node.inputs.map((input) => (shapeOf(r, input).length === 0 ? r.constant(input)?.[0] : undefined));
    const side = numbers.findIndex((value) => value !== undefined);
    if (side < 0) return undefined;
    const rest = node.inputs[1 - side]!;
    const inner = r.producer(rest);
    if (inner?.kernel !== 'Multiply' || r.uses(rest) !== 1 || r.info(rest).dtype !== 'float32') return undefined;
    const innerSide = inner.inputs.findIndex((input) => shapeOf(r, input).length === 0 && r.constant(input));
    if (innerSide < 0) return undefined;
    const factor = r.constant(inner.inputs[innerSide]!)![0]!;
    if (!mergeable(numbers[side]!, factor, reorder)) return undefined;
    const scale = r.bake([Math.fround(numbers[side]! * factor)], [], 'float32');
    const { shape, dtype } = r.info(node.outputs[0]!);
    return [r.emit('Multiply', [inner.inputs[1 - innerSide]!, scale], {}, shape, dtype)];
  },
  Pow: (node, r) => {
    const [x, exponent] = node.inputs as [string, string];
    const { shape, dtype } = r.info(node.outputs[0]!);
    const power = r.uniform(exponent);
    if (power === undefined || !equalShapes(shapeOf(r, x), shape)) return undefined;
    if (power === 1) return [x];
    if (power === 2) return [r.emit('Square', [x], {}, shape, dtype)];
    // The root of −∞ is NaN and its power ∞; those of −0 differ in their sign.
    if (!reorder && !POSITIVE.has(r.producer(x)?.kernel ?? '')) return undefined;
    return power === 0.5 && dtype === 'float32' ? [r.emit('Sqrt', [x], {}, shape, dtype)] : undefined;
  },
});

const RULES: Record<string, Rule> = {
  RealDiv: neutral((value) => value === 1, false),
  Neg: involution,
  LogicalNot: involution,
  AddN: (node, r) => {
    const { shape, dtype } = r.info(node.outputs[0]!);
    return node.inputs.length === 2 ? [r.emit('Add', node.inputs, {}, shape, dtype)] : undefined;
  },
  Sum: reduction('axis'),
  Mean: reduction('axis'),
  Prod: reduction('axis'),
  Min: reduction('axis'),
  Max: reduction('reductionIndices'),
  Cast: (node, r) => {
    const [x] = node.inputs as [string];
    const { dtype, shape } = r.info(node.outputs[0]!);
    if (r.info(x).dtype === dtype) return [x];
    const inner = r.producer(x);
    if (inner?.kernel === 'Cast') {
      const first = r.info(inner.inputs[0]!).dtype;
      // The first cast can be left out only if it loses nothing.
      if (first === 'bool' || (first === 'int32' && dtype === 'bool')) {
        return [first === dtype ? inner.inputs[0]! : r.emit('Cast', [inner.inputs[0]!], { dtype }, shape, dtype)];
      }
    }
    const value = r.producer(x)?.kernel === 'Fill' ? r.uniform(x) : undefined;
    if (value === undefined) return undefined;
    const converted = arrayOf(dtype, [value])[0]!;
    return [r.emit('Fill', [], { shape, value: converted, dtype }, shape, dtype)];
  },
  Reshape: (node, r) => {
    const [x] = node.inputs as [string];
    const { shape, dtype } = r.info(node.outputs[0]!);
    if (equalShapes(shapeOf(r, x), shape)) return [x];
    const inner = r.producer(x);
    if (inner?.kernel === 'Reshape') return [r.emit('Reshape', inner.inputs, { shape }, shape, dtype)];
    if (inner?.kernel === 'Fill') return [r.emit('Fill', [], { ...inner.attrs, shape }, shape, dtype)];
    return undefined;
  },
  Transpose: (node, r) => {
    const [x] = node.inputs as [string];
    const perm = node.attrs.perm as number[];
    const { shape, dtype } = r.info(node.outputs[0]!);
    const from = shapeOf(r, x);
    const moved = perm.filter((axis) => from[axis] !== 1);
    if (perm.every((axis, i) => axis === i)) return [x];
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return [r.emit('Reshape', [x], { shape }, shape, dtype)];
    const inner = r.producer(x);
    if (inner?.kernel === 'Transpose') {
      const first = inner.attrs.perm as number[];
      return [r.emit('Transpose', inner.inputs, { perm: perm.map((axis) => first[axis]!) }, shape, dtype)];
    }
    return inner?.kernel === 'Fill' ? [r.emit('Fill', [], { ...inner.attrs, shape }, shape, dtype)] : undefined;
  },
  Tile: (node, r) => (dims(node, 'reps').every((rep) => rep === 1) ? [node.inputs[0]!] : refill(node, r)),
  Reverse: refill,
  Slice: (node, r) => {
    const [x] = node.inputs as [string];
    const { shape, dtype } = r.info(node.outputs[0]!);
    const begin = dims(node, 'begin');
    if (begin.every((start) => start === 0) && equalShapes(shapeOf(r, x), shape)) return [x];
    const inner = r.producer(x);
    if (inner?.kernel === 'Slice') {
      const outer = dims(inner, 'begin');
      if ([...begin, ...outer].some(isExtent)) return undefined;
      const sum = begin.map((start, i) => (start as number) + (outer[i] as number));
      return [r.emit('Slice', inner.inputs, { begin: sum, size: node.attrs.size! }, shape, dtype)];
    }
    return inner?.kernel === 'Fill' ? [r.emit('Fill', [], { ...inner.attrs, shape }, shape, dtype)] : undefined;
  },
  SplitV: (node) => (node.outputs.length === 1 ? [node.inputs[0]!] : undefined),
  PadV2: (node) =>
    (node.attrs.paddings as Dim[][]).every(([before, after]) => before === 0 && after === 0) ? [node.inputs[0]!] : undefined,
  BatchMatMul: (node, r) => {
    // The product has a flag for a swap of the last two axes.
    const flags = [node.attrs.transposeA, node.attrs.transposeB] as [boolean, boolean];
    const swapped = node.inputs.map((input) => {
      const inner = r.producer(input);
      const perm = inner?.kernel === 'Transpose' ? (inner.attrs.perm as number[]) : [];
      const rank = perm.length;
      return rank >= 2 && perm.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
        ? inner!.inputs[0]!
        : undefined;
    });
    if (swapped.every((name) => name === undefined)) return undefined;
    const { shape, dtype } = r.info(node.outputs[0]!);
    const attrs = { transposeA: flags[0] !== (swapped[0] !== undefined), transposeB: flags[1] !== (swapped[1] !== undefined) };
    return [
      r.emit(
        'BatchMatMul',
        node.inputs.map((input, i) => swapped[i] ?? input),
        attrs,
        shape,
        dtype,
      ),
    ];
  },
};

const KINDS = { exact: { ...RULES, ...arithmetic(false) }, reordered: { ...RULES, ...arithmetic(true) } };

/** Removes kernels that do nothing, such as adding 0, and merges chains of casts, reshapes, transposes and slices. */
export function cleanUp(graph: Graph, { reorder = true } = {}): Graph {
  const rules: Record<string, Rule> = reorder ? KINDS.reordered : KINDS.exact;
  return rewrite(graph, (node, r) => rules[node.kernel]?.(node, r));
}
