// A small convolution network (28 × 28 images, two convolutions, pooling, two dense layers) in ONNX Runtime, as @mdiff/trace compiles it, beside
// TensorFlow.js: predictions and steps of training, in milliseconds of one thread. All start with the same weights and see the same images.
import { Module, createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { compile, toOnnx, updateName } from '@mdiff/trace';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import { median } from '../shared/median.ts';
import { failure, optionsOf, text, whole } from '../shared/options.mjs';

const options = optionsOf({
  name: 'trace',
  about: 'Predictions and training steps of a convolution network: ONNX Runtime beside the backends of TensorFlow.js.',
  options: {
    batch: { kind: whole(1), default: 32, help: 'images of a step' },
    rounds: { kind: whole(1), default: 5, help: 'turns of each arm; the figure is the median of its turns' },
    steps: { kind: whole(1), default: 10, help: 'steps of a turn' },
    wasm: { kind: text('folder'), help: 'a folder in which npm installed @tensorflow/tfjs-backend-wasm; without it, that arm is left out' },
    native: {
      kind: text('folder'),
      help: 'the folder of native TensorFlow that `mdiff engine install tensorflow` printed; without it, that arm is left out',
    },
  },
});
tf.enableProdMode();
const { batch } = options;

/** The numbers that the next arms start with. */
const seeded = (seed) => tf.initializers.glorotUniform({ seed });
const network = () =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1], kernelInitializer: seeded(1) }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu', kernelInitializer: seeded(2) }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 64, activation: 'relu', kernelInitializer: seeded(3) }),
      tf.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: seeded(4) }),
    ],
  });
const images = Float32Array.from({ length: batch * 784 }, (_, i) => Math.sin(12.9898 * i) / 2 + 0.5);
const classes = Float32Array.from({ length: batch }, (_, i) => i % 10);

async function onnx() {
  await tf.setBackend('cpu');
  const model = network();
  const open = (graph, given) =>
    ort.InferenceSession.create(toOnnx(graph, given), { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
  const prediction = compile(model);
  const predict = await open(prediction.graph, { initializers: prediction.state });
  const step = compile(model, { optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  const train = await open(step.graph);
  const input = step.graph.inputs[0].name;
  const x = new ort.Tensor('float32', images, [batch, 28, 28, 1]);
  const target = new ort.Tensor('float32', classes, [batch, 1]);
  let state = Object.fromEntries(step.graph.variables.map(({ name, shape }) => [name, new ort.Tensor('float32', step.state[name], shape)]));
  return {
    predict: async () => void (await predict.run({ [input]: x })),
    train: async () => {
      const results = await train.run({ [input]: x, target, ...state });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, results[updateName(name)]]));
      return results.loss.data[0];
    },
  };
}

async function tensorflow(backend) {
  await tf.setBackend(backend);
  const model = network();
  model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  const [x, y] = [tf.tensor(images, [batch, 28, 28, 1]), tf.tensor(classes, [batch, 1])];
  return {
    predict: async () => {
      await tf.setBackend(backend);
      tf.tidy(() => void model.predict(x, { batchSize: batch }).dataSync());
    },
    train: async () => {
      await tf.setBackend(backend);
      return model.trainOnBatch(x, y);
    },
  };
}

const arms = { 'ONNX Runtime': onnx, 'tfjs-cpu': () => tensorflow('cpu') };
if (options.wasm !== undefined) {
  const require = createRequire(join(resolve(options.wasm), 'package.json'));
  let file;
  try {
    file = require.resolve('@tensorflow/tfjs-backend-wasm');
  } catch {
    throw failure(
      `--wasm: @tensorflow/tfjs-backend-wasm is not installed in ${options.wasm}; run npm install @tensorflow/tfjs-backend-wasm there`,
    );
  }
  const find = Module._resolveFilename;
  // It has to register with the copy of TensorFlow.js that runs here.
  const own = createRequire(createRequire(import.meta.url).resolve('@tensorflow/tfjs'));
  const core = own.resolve('@tensorflow/tfjs-core');
  Module._resolveFilename = (name, ...rest) => (name === '@tensorflow/tfjs-core' ? core : find.call(Module, name, ...rest));
  require(file);
  Module._resolveFilename = find;
  arms['tfjs WebAssembly'] = () => tensorflow('wasm');
}
if (options.native !== undefined) {
  process.env.TF_NUM_INTRAOP_THREADS ??= '1';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // It brings another copy of TensorFlow.js, which shares the engine and replaces kernels of the CPU backend.
  const reference = tf.getKernelsForBackend('cpu');
  const { warn } = console;
  console.warn = () => {};
  createRequire(join(resolve(options.native), 'package.json'))(resolve(options.native));
  reference.forEach((kernel) => tf.registerKernel(kernel));
  console.warn = warn;
  arms['tfjs-node'] = () => tensorflow('tensorflow');
}

const opened = {};
for (const [name, open] of Object.entries(arms)) opened[name] = await open();
for (const kind of ['predict', 'train']) {
  const times = {};
  const losses = {};
  for (let round = 0; round <= options.rounds; round++)
    for (const [name, arm] of Object.entries(opened)) {
      if (times[name] === null) continue;
      try {
        const began = process.cpuUsage();
        for (let k = 0; k < options.steps; k++) losses[name] = await arm[kind]();
        const { user, system } = process.cpuUsage(began);
        // The first turn warms up.
        if (round > 0) (times[name] ??= []).push((user + system) / 1000 / options.steps);
      } catch (error) {
        times[name] = null;
        console.log(`${kind}: ${name} cannot: ${error.message.split('\n')[0]}`);
      }
    }
  const ours = median(times['ONNX Runtime']);
  for (const [name, list] of Object.entries(times).filter(([, some]) => some))
    console.log(
      `${kind}: ${name} ${median(list).toFixed(2)} ms of processor time a step of ${batch} images, ${(median(list) / ours).toFixed(2)} × ONNX Runtime's${losses[name] === undefined ? '' : `, loss ${losses[name].toFixed(5)}`}`,
    );
}
