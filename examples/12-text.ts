// A text classifier: words, an embedding, their mean. Trained in ONNX Runtime beside TensorFlow.js, for texts of any length.
import { compile, toOnnx, updateName } from '@mdiff/trace';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';

const good = ['a fine and happy day', 'what a lovely fine song', 'happy and lovely people'];
const bad = ['a sad and rainy day', 'what a dreadful sad song', 'dreadful and rainy people'];
const words = [...new Set([...good, ...bad].flatMap((text) => text.split(' ')))];
const ids = [...good, ...bad].map((text) => [...text.split(' '), ...Array<string>(5)].slice(0, 5).map((word) => words.indexOf(word) + 1));

const model = tf.sequential();
model.add(tf.layers.embedding({ inputDim: words.length + 1, outputDim: 4, inputShape: [null] as never, embeddingsInitializer: tf.initializers.randomUniform({ seed: 5 }) as never })); // prettier-ignore
model.add(tf.layers.globalAveragePooling1d());
model.add(tf.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: tf.initializers.glorotUniform({ seed: 5 }) }));

const [x, y] = [tf.tensor2d(ids), tf.tensor2d(ids.map((_, i) => [Number(i < good.length)]))];
const onnx = (values: tf.Tensor): ort.Tensor => new ort.Tensor('float32', Float32Array.from(values.dataSync()), values.shape);
const step = compile(model, { optimizer: tf.train.momentum(0.5, 0.9), loss: 'binaryCrossentropy' });
const session = await ort.InferenceSession.create(toOnnx(step.graph));
const [input] = step.graph.inputs;
let state: Record<string, ort.Tensor> = Object.fromEntries(
  step.graph.variables.map(({ name, shape }) => [name, new ort.Tensor('float32', step.state[name] as Float32Array, shape as number[])]),
);
let worst = 0;
for (let k = 0; k < 50; k++) {
  const result = await session.run({ [input!.name]: onnx(x), target: onnx(y), ...state });
  state = Object.fromEntries(Object.keys(state).map((name) => [name, result[updateName(name)]!]));
  worst = Math.max(worst, Math.abs((result.loss!.data[0] as number) - ((await model.trainOnBatch(x, y)) as number)));
}
console.log(`50 steps, losses within ${worst < 1e-4 ? '0.0001' : worst} of TensorFlow.js`);

const { graph, state: weights } = compile(model);
const predict = await ort.InferenceSession.create(toOnnx(graph, { initializers: weights }));
const two = tf.tensor2d(['lovely day', 'sad day'].map((text) => text.split(' ').map((word) => words.indexOf(word) + 1)));
const [happy, unhappy] = Object.values(await predict.run({ [input!.name]: onnx(two) }))[0]!.data as Float32Array;
console.log(`lovely day: ${happy! > 0.5 ? 'good' : 'bad'}; sad day: ${unhappy! > 0.5 ? 'good' : 'bad'}`);

// Prints:
// 50 steps, losses within 0.0001 of TensorFlow.js
// lovely day: good; sad day: bad
