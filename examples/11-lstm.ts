// An LSTM that tells whether a sum of numbers is positive, trained in ONNX Runtime beside TensorFlow.js.
import { compile, toOnnx, updateName } from '@mdiff/trace';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';

const [rows, length] = [24, 6];
const model = tf.sequential();
const seeded = tf.initializers.glorotUniform({ seed: 3 });
const options = { kernelInitializer: seeded, recurrentInitializer: seeded };
model.add(tf.layers.lstm({ units: 5, inputShape: [null, 1], ...options } as Parameters<typeof tf.layers.lstm>[0]));
model.add(tf.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: seeded }));

const numbers = Float32Array.from({ length: rows * length }, (_, i) => Math.sin(i * i));
const sums = Array.from({ length: rows }, (_, k) => numbers.subarray(k * length, (k + 1) * length).reduce((a, b) => a + b));
const x = tf.tensor3d(numbers, [rows, length, 1]);
const y = tf.tensor2d(sums.map((sum) => Number(sum > 0)), [rows, 1]); // prettier-ignore
const onnx = (values: tf.Tensor): ort.Tensor => new ort.Tensor('float32', values.dataSync() as Float32Array, values.shape);

// The batch is open. The number of steps in time is fixed, because TensorFlow.js writes each of them out.
const name = model.inputs[0]!.name;
const step = compile(model, { optimizer: 'rmsprop', loss: 'binaryCrossentropy', shapes: { [name]: ['batch', length, 1] } });
const session = await ort.InferenceSession.create(toOnnx(step.graph));
let state: Record<string, ort.Tensor> = Object.fromEntries(
  step.graph.variables.map(({ name: key, shape }) => [key, new ort.Tensor('float32', step.state[key] as Float32Array, shape as number[])]),
);
let worst = 0;
for (let k = 0; k < 50; k++) {
  const result = await session.run({ [name]: onnx(x), target: onnx(y), ...state });
  state = Object.fromEntries(Object.keys(state).map((key) => [key, result[updateName(key)]!]));
  worst = Math.max(worst, Math.abs((result.loss!.data[0] as number) - ((await model.trainOnBatch(x, y)) as number)));
}
console.log(`50 steps, losses within ${worst < 1e-4 ? '0.0001' : worst} of TensorFlow.js`);

// Prints:
// 50 steps, losses within 0.0001 of TensorFlow.js
