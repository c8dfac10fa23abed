import * as tf from '@tensorflow/tfjs';
import type { ModelConfig } from '@mdiff/config';
import { layout } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { exportedOnnx } from './passes/graphs.js';

/** The layout of a network's parameters. */
export const layoutOf = (model: ModelConfig): ParamLayout => layout(model);

/** The graph of a model folder, written without an engine. `half`: the weights inside take 16 bits each. */
export async function onnxOf(model: ModelConfig, params: Float32Array, half: boolean): Promise<Uint8Array> {
  // In production mode tfjs prints no advertisement for its Node backend.
  tf.enableProdMode();
  await tf.setBackend('cpu');
  return exportedOnnx(model, layout(model), params, half);
}
