import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import type { Recorder, Value } from './recorder.js';
import { arithmeticType, define, recordKernel } from './rules.js';

/** Recording rules of matrix products. */

const { backend_util } = tf;

define('BatchMatMul', ['a', 'b'], (name) =>
  (r, [a, b], attrs) => {
    const [transposeA, transposeB] = [Boolean(attrs.transposeA), Boolean(attrs.transposeB)];
    arithmeticType(name, a!, b!);
    const [inner, other] = [a!.shape.at(transposeA ? -2 : -1), b!.shape.at(transposeB ? -1 : -2)];
    if (inner !== other)
      throw new TraceError(
        `${name}: inner sizes ${inner} and ${other} of shapes [${a!.shape.join()}] and [${b!.shape.join()}] with transposeA=${transposeA} and transposeB=${transposeB} do not match`,
      );
    const outer = backend_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const shape = [...outer, a!.shape.at(transposeA ? -1 : -2)!, b!.shape.at(transposeB ? -2 : -1)!];
    return [r.emit(name, [a!, b!], { transposeA, transposeB }, shape, a!.dtype)];
  });
/** The bias and the activation of a fused product or convolution. */
export function activate(
  r: Recorder,
  product: Value,
  bias: Value | undefined,
  weights: Value | undefined,
  attrs: Record<string, unknown>,
): Value[] {
  const y = bias ? recordKernel(r, 'Add', [product, bias], {}) : [product];
  const activation = ((attrs.activation as string | undefined) ?? 'linear').toLowerCase();
  if (activation === 'linear') return y;
  if (activation === 'prelu') return recordKernel(r, 'Prelu', [y[0]!, weights!], {});
  const kernel = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu', leakyrelu: 'LeakyRelu', sigmoid: 'Sigmoid' }[activation];
  if (!kernel)
    throw new TraceError(
      `a fused product with activation '${activation}' cannot be traced; use the plain product and apply the activation after it`,
    );
  return recordKernel(r, kernel, y, { alpha: attrs.leakyreluAlpha });
}
define('_FusedMatMul', ['a', 'b', 'bias', 'preluActivationWeights'], () =>
  (r, [a, b, bias, weights], attrs) =>
    activate(r, recordKernel(r, 'BatchMatMul', [a!, b!], attrs)[0]!, bias, weights, attrs));
define('Einsum', 'list', (name) => (r, inputs, attrs) => {
  const equation = (attrs.equation as string).replace(/\s/g, '');
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, inputs.length);
  inputs.forEach((input) => arithmeticType(name, inputs[0]!, input));
  backend_util.checkEinsumDimSizes(allDims.length, idDims, inputs as unknown as tf.Tensor[]);
  const sizes = allDims.map(
    (_, dim) => idDims.flatMap((ids, i) => ids.flatMap((id, axis) => (id === dim ? [inputs[i]!.shape[axis]!] : [])))[0]!,
  );
  const kept = allDims.length - summedDims.length;
  return [r.emit(name, inputs, { equation }, sizes.slice(0, kept), inputs[0]!.dtype)];
});
