import { tf } from '@mdiff/model';
import type { ModelConfig } from '@mdiff/config';
import { layout } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import type { ExportedGraphs } from './engine.js';
import { exportedOnnx, type ExportOptions } from './passes/graphs.js';

/** The layout of a network's parameters. */
export const layoutOf = (model: ModelConfig): ParamLayout => layout(model);

/** The graphs of a model folder, written without an engine. */
export async function onnxOf(model: ModelConfig, params: Float32Array, options: ExportOptions): Promise<ExportedGraphs> {
  // In production mode tfjs prints no advertisement for its Node backend.
  tf.enableProdMode();
  await tf.setBackend('cpu');
  return exportedOnnx(model, layout(model), params, options);
}
