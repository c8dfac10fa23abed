import { isExtent, type Dim } from '../graph/extent.js';
import type { Graph } from '../graph/graph.js';
import { broadcastShapes } from '../graph/shapes.js';
import { rewrite, type Rewriter } from './rewrite.js';

/** The product of one number and of values. */
interface Product {
  scale: number;
  factors: string[];
  /** Number of elements that its nodes write. */
  cost: number;
}

/** Number that stands for a symbolic size when costs are compared. */
const TYPICAL = 64;

const weight = (shape: readonly Dim[]): number =>
  shape.reduce<number>((total, dim) => total * (isExtent(dim) ? dim.coefficient * TYPICAL ** dim.dims.length : dim), 1);

/** Multiplications that are taken apart for one product. A longer chain stays a factor, so that the time stays linear in its length. */
const FACTORS = 64;

/** `name` as a product: takes multiplications and negations apart as long as nothing else reads their results. */
function decompose(name: string, r: Rewriter, inner: boolean, left = { factors: FACTORS }): Product {
  const { shape } = r.info(name);
  const number = shape.length === 0 ? r.constant(name)?.[0] : undefined;
  if (number !== undefined) return { scale: number, factors: [], cost: 0 };
  const node = r.producer(name);
  if ((node?.kernel !== 'Multiply' && node?.kernel !== 'Neg') || (inner && r.uses(name) !== 1) || left.factors-- <= 0)
    return { scale: 1, factors: [name], cost: 0 };
  const parts = node.inputs.map((input) => decompose(input, r, true, left));
  return {
    scale: parts.reduce((scale, part) => scale * part.scale, node.kernel === 'Neg' ? -1 : 1),
    factors: parts.flatMap((part) => part.factors),
    cost: parts.reduce((cost, part) => cost + part.cost, weight(shape)),
  };
}

/** Small factors first, because `build` multiplies the first one by the number. */
const ordered = (factors: readonly string[], r: Rewriter): string[] =>
  factors.slice().sort((a, b) => weight(r.info(a).shape) - weight(r.info(b).shape));

/** Shape and cost of a product; undefined when a broadcast is not certain to fit. */
function plan({ scale, factors }: Pick<Product, 'scale' | 'factors'>, r: Rewriter): { shape: Dim[]; cost: number } | undefined {
  const [first, ...rest] = ordered(factors, r);
  if (first === undefined) return { shape: [], cost: 0 };
  let { shape } = r.info(first);
  let cost = scale === 1 ? 0 : weight(shape);
  for (const factor of rest) {
    const wider = broadcastShapes([shape, r.info(factor).shape]);
    if (!wider) return undefined;
    shape = wider;
    cost += weight(shape);
  }
  return { shape, cost };
}

function build({ scale, factors }: Pick<Product, 'scale' | 'factors'>, r: Rewriter): string {
  const number = (): string => r.bake([Math.fround(scale)], [], 'float32');
  const [first, ...rest] = ordered(factors, r);
  if (first === undefined) return number();
  const start = scale === 1 ? first : r.emit('Multiply', [first, number()], {}, r.info(first).shape, 'float32');
  return rest.reduce((a, b) => r.emit('Multiply', [a, b], {}, broadcastShapes([r.info(a).shape, r.info(b).shape])!, 'float32'), start);
}

/** The number neither overflows nor underflows as float32. */
const ordinary = (scale: number): boolean => scale === 0 || (Math.abs(scale) >= 2 ** -126 && Number.isFinite(Math.fround(scale)));

/** The factors that both products have, and the rest of each; undefined when they share none. */
function common(a: Product, b: Product): { shared: string[]; a: string[]; b: string[] } | undefined {
  const shared: string[] = [];
  const left = b.factors.slice();
  const rest = a.factors.filter((factor) => {
    const i = left.indexOf(factor);
    if (i < 0) return true;
    left.splice(i, 1);
    shared.push(factor);
    return false;
  });
  return shared.length > 0 ? { shared, a: rest, b: left } : undefined;
}

/**
 * Multiplies out the numbers of each product and applies the result to its smallest factor, because gradients multiply large values
 * by numbers again and again. Takes common factors out of sums (g·a + g·b = g·(a + b)) where that writes fewer elements.
 */
export const reassociate = (graph: Graph): Graph =>
  rewrite(graph, (node, r) => {
    const output = r.info(node.outputs[0]!);
    if (output.dtype !== 'float32') return undefined;
    if (node.kernel === 'Multiply' || node.kernel === 'Neg') {
      const left = { factors: FACTORS };
      const parts = node.inputs.map((input) => decompose(input, r, true, left));
      const product: Product = {
        scale: parts.reduce((scale, part) => scale * part.scale, node.kernel === 'Neg' ? -1 : 1),
        factors: parts.flatMap((part) => part.factors),
        cost: parts.reduce((cost, part) => cost + part.cost, weight(output.shape)),
      };
      const planned = plan(product, r);
      return planned &&
        ordinary(product.scale) &&
        planned.cost < product.cost &&
        weight(planned.shape) === weight(output.shape) &&
        product.factors.length > 0
        ? [build(product, r)]
        : undefined;
    }
    if (node.kernel !== 'Add' && node.kernel !== 'Sub') return undefined;
    const [a, b] = node.inputs.map((input) => decompose(input, r, true)) as [Product, Product];
    const split = common(a, b);
    if (!split || !ordinary(a.scale) || !ordinary(b.scale)) return undefined;
    const [left, right] = [
      { scale: a.scale, factors: split.a },
      { scale: b.scale, factors: split.b },
    ];
    const [planLeft, planRight] = [plan(left, r), plan(right, r)];
    const inside = planLeft && planRight && broadcastShapes([planLeft.shape, planRight.shape]);
    const outside = plan({ scale: 1, factors: split.shared }, r);
    const whole = inside && outside && broadcastShapes([inside, outside.shape]);
    if (!whole || weight(whole) !== weight(output.shape)) return undefined;
    const cost = planLeft.cost + planRight.cost + weight(inside) + outside.cost + weight(whole);
    if (cost >= a.cost + b.cost + weight(output.shape)) return undefined;
    const sum = r.emit(node.kernel, [build(left, r), build(right, r)], {}, inside, 'float32');
    return [r.emit('Multiply', [sum, build({ scale: 1, factors: split.shared }, r)], {}, whole, 'float32')];
  });
