// Tracing: a TensorFlow.js function and its gradient become an ONNX model that runs without TensorFlow.js.
import { toOnnx, trace } from '@mdiff/trace';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';

const loss = (x: tf.Tensor): tf.Scalar => x.square().sum().asScalar();

const graph = trace(({ x }) => ({ loss: loss(x), gradient: tf.grad(loss)(x) }), { inputs: { x: { shape: ['n'], dtype: 'float32' } } });
const session = await ort.InferenceSession.create(toOnnx(graph));

for (const values of [
  [1, 2],
  [1, 2, 3],
]) {
  const result = await session.run({ x: new ort.Tensor('float32', Float32Array.from(values), [values.length]) });
  console.log(
    `x = ${values.join(', ')}: Σx² = ${result['loss']!.data[0]}, gradient ${(result['gradient']!.data as Float32Array).join(', ')}`,
  );
}
await session.release();

// Prints:
// x = 1, 2: Σx² = 5, gradient 2, 4
// x = 1, 2, 3: Σx² = 14, gradient 2, 4, 6
