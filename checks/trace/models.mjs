// Three small models of the layers API with their training text: a convolution network, an LSTM and a text classifier.
import * as tf from '@tensorflow/tfjs';

const seeded = (seed) => tf.initializers.glorotUniform({ seed });

/** Images with a bar that stands (class 0) or lies (class 1). */
function convnet() {
  const { conv2d, maxPooling2d, flatten, dense } = tf.layers;
  const model = tf.sequential();
  model.add(conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [8, 8, 1], kernelInitializer: seeded(7) }));
  model.add(maxPooling2d({ poolSize: 2 }));
  model.add(flatten());
  model.add(dense({ units: 2, activation: 'softmax', kernelInitializer: seeded(8) }));
  const bars = Array.from({ length: 16 }, (_, k) => Array.from({ length: 64 }, (_, i) => Number((k < 8 ? i % 8 : i >> 3) === k % 8)));
  return {
    model,
    options: { optimizer: tf.train.adam(0.02), loss: 'sparseCategoricalCrossentropy' },
    x: { dims: [16, 8, 8, 1], data: bars.flat() },
    y: { dims: [16, 1], data: bars.map((_, k) => Number(k >= 8)) },
  };
}

/** Whether a sum of numbers is positive. */
function lstm() {
  const [rows, length] = [24, 6];
  const model = tf.sequential();
  model.add(tf.layers.lstm({ units: 5, inputShape: [null, 1], kernelInitializer: seeded(3), recurrentInitializer: seeded(4) }));
  model.add(tf.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: seeded(5) }));
  const numbers = Array.from({ length: rows * length }, (_, i) => Math.sin(i * i));
  const sum = (k) => numbers.slice(k * length, (k + 1) * length).reduce((a, b) => a + b);
  // TensorFlow.js writes out each step in time.
  const shapes = { [model.inputs[0].name]: ['batch', length, 1] };
  return {
    model,
    options: { optimizer: 'rmsprop', loss: 'binaryCrossentropy', shapes },
    x: { dims: [rows, length, 1], data: numbers },
    y: { dims: [rows, 1], data: Array.from({ length: rows }, (_, k) => Number(sum(k) > 0)) },
  };
}

/** Texts as numbers of words, five to a text. */
function texts() {
  const model = tf.sequential();
  const embeddingsInitializer = tf.initializers.randomUniform({ minval: -0.05, maxval: 0.05, seed: 5 });
  model.add(tf.layers.embedding({ inputDim: 12, outputDim: 4, inputShape: [null], embeddingsInitializer }));
  model.add(tf.layers.globalAveragePooling1d());
  model.add(tf.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: seeded(6) }));
  const rows = Array.from({ length: 6 }, (_, k) => Array.from({ length: 5 }, (_, i) => (7 * k + 5 * i * i) % 12));
  return {
    model,
    options: { optimizer: tf.train.momentum(0.5, 0.9), loss: 'binaryCrossentropy' },
    x: { dims: [6, 5], data: rows.flat() },
    y: { dims: [6, 1], data: rows.map((_, k) => k % 2) },
  };
}

export const models = { convnet, lstm, texts };
