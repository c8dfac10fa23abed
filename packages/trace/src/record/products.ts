import { tf } from '../tf.js';
import { TraceError } from '../error.js';
import { define, recordKernel } from './rules.js';

/** Recording rules of matrix products. */

const { backend_util } = tf;

define('BatchMatMul', ['a', 'b'], (name) =>
  (r, [a, b], attrs) => {
    const [transposeA, transposeB] = [Boolean(attrs.transposeA), Boolean(attrs.transposeB)];
    const outer = backend_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const shape = [...outer, a!.shape.at(transposeA ? -1 : -2)!, b!.shape.at(transposeB ? -2 : -1)!];
    return [r.emit(name, [a!, b!], { transposeA, transposeB }, shape, a!.dtype)];
  });
define('_FusedMatMul', ['a', 'b', 'bias', 'preluActivationWeights'], () =>
  (r, [a, b, bias, weights], attrs) => {
    let [y] = recordKernel(r, 'BatchMatMul', [a!, b!], attrs);
    if (bias) [y] = recordKernel(r, 'Add', [y!, bias], {});
    const activation = ((attrs.activation as string) ?? 'linear').toLowerCase();
    if (activation === 'linear') return [y!];
    if (activation === 'prelu') return recordKernel(r, 'Prelu', [y!, weights!], {});
    const kernel = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu', leakyrelu: 'LeakyRelu', sigmoid: 'Sigmoid' }[activation];
    if (!kernel)
      throw new TraceError(
        `fused matMul with activation '${activation}' cannot be traced; use tf.matMul and apply the activation after it`,
      );
    return recordKernel(r, kernel, [y!], { alpha: attrs.leakyreluAlpha });
  });
define('Einsum', 'list', (name) => (r, inputs, attrs) => {
  const equation = (attrs.equation as string).replace(/\s/g, '');
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, inputs.length);
  const sizes = allDims.map(
    (_, dim) => idDims.flatMap((ids, i) => ids.flatMap((id, axis) => (id === dim ? [inputs[i]!.shape[axis]!] : [])))[0]!,
  );
  const kept = allDims.length - summedDims.length;
  return [r.emit(name, inputs, { equation }, sizes.slice(0, kept), inputs[0]!.dtype)];
});
