// A convolution network of the layers API: its training step and its prediction in ONNX Runtime, beside TensorFlow.js itself.
import { compile, toOnnx, updateName } from '@mdiff/trace';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';

const { conv2d, maxPooling2d, flatten, dense } = tf.layers;
const kernelInitializer = tf.initializers.glorotUniform({ seed: 7 });
const model = tf.sequential();
model.add(conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [8, 8, 1], name: 'image', kernelInitializer }));
model.add(maxPooling2d({ poolSize: 2 }));
model.add(flatten());
model.add(dense({ units: 2, activation: 'softmax', kernelInitializer }));

// Images with a bar that stands (class 0) or lies (class 1), at each of 8 places.
const bars = [...Array(16).keys()].map((k) => [...Array(64).keys()].map((i) => Number((k < 8 ? i % 8 : i >> 3) === k % 8)));
const images = new ort.Tensor('float32', Float32Array.from(bars.flat()), [16, 8, 8, 1]);
const classes = Float32Array.from(bars.keys(), (k) => Number(k >= 8));
const target = new ort.Tensor('float32', classes, [16, 1]);

const step = compile(model, { optimizer: tf.train.adam(0.02), loss: 'sparseCategoricalCrossentropy' });
const session = await ort.InferenceSession.create(toOnnx(step.graph));
let state = Object.fromEntries(
  step.graph.variables.map(({ name, shape }) => [name, new ort.Tensor('float32', step.state[name] as Float32Array, shape as number[])]),
);
const [x, y] = [images, target].map(({ data, dims }) => tf.tensor(data as Float32Array, [...dims]));
let worst = 0;
for (let k = 0; k < 50; k++) {
  const result = await session.run({ [step.graph.inputs[0]!.name]: images, target, ...state });
  state = Object.fromEntries(Object.keys(state).map((name) => [name, result[updateName(name)] as typeof images]));
  worst = Math.max(worst, Math.abs((result.loss!.data[0] as number) - ((await model.trainOnBatch(x!, y!)) as number)));
}
console.log(`50 steps, losses within ${worst < 1e-4 ? '0.0001' : worst} of TensorFlow.js`);

const { graph, state: weights } = compile(model);
const predict = await ort.InferenceSession.create(toOnnx(graph, { initializers: weights }));
const chances = Object.values(await predict.run({ [graph.inputs[0]!.name]: images }))[0]!.data as Float32Array;
console.log(`${bars.filter((_, k) => chances[2 * k + Number(k >= 8)]! > 0.5).length} of 16 images right`);

// Prints:
// 50 steps, losses within 0.0001 of TensorFlow.js
// 16 of 16 images right
