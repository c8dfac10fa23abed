// A project of its own, which knows mdiff from its packages alone: it checks a configuration, and compiles a function of TensorFlow.js to ONNX.
import { ConfigError, ProjectConfig, projectConfig } from '@mdiff/config';
import { interpret, toOnnx, trace } from '@mdiff/trace';
import * as tf from '@tensorflow/tfjs';

await tf.setBackend('cpu');

const { model } = projectConfig({ model: { d_model: 128, n_heads: 4, n_layers: 2 } });
console.log(`${model.n_layers} layers: ${model.param_count_exact} parameters`);

const result = ProjectConfig['~standard'].validate({ training: { batch_size: 0 } });
for (const { path, message } of result.issues ?? []) console.log(`${path.join('.')}: ${message}`);

try {
  projectConfig(JSON.parse('null'));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.log(error.message);
}

const graph = trace(({ x }) => ({ length: x.square().sum().sqrt() }), { inputs: { x: { shape: ['n'], dtype: 'float32' } } });
const { outputs } = interpret(graph, { x: tf.tensor1d([3, 4]) });
console.log(`length ${outputs['length']?.dataSync()[0]}, as ONNX ${toOnnx(graph).length > 100 ? 'too' : 'not'}`);

// Prints:
// 2 layers: 8104576 parameters
// training.batch_size: expected an integer >= 1 and <= 65536, got 0
// code (values): expected a map, got null
// length 5, as ONNX too
