// The settings of the memory bench: networks and batches, and the engines with their precisions.
import { ProjectConfig } from '@mdiff/config';
import { locateTensorFlow } from '@mdiff/engine';

const { model: micro } = ProjectConfig.preset('micro');

/** B rows of S = max_seq_len positions. */
export const sizes = {
  nano: { model: ProjectConfig.preset('nano').model, B: 16 },
  micro: { model: micro, B: 16 },
  batch: { model: micro, B: 64 },
  large: { model: { ...micro, d_model: 512, n_layers: 6, n_heads: 8, d_ff: 1376 }, B: 16 },
  long: { model: { ...micro, max_seq_len: 512 }, B: 8 },
  deep: { model: { ...micro, n_layers: 12, max_seq_len: 512 }, B: 16 },
};

/** Measured only to check the estimate; the fit must not see them. */
export const heldOut = {
  wide: { model: { ...micro, d_model: 384, n_layers: 3, n_heads: 6, d_ff: 1024 }, B: 24 },
  short: { model: { ...micro, n_layers: 6, max_seq_len: 64 }, B: 64 },
  layered: { model: { ...micro, n_layers: 8, max_seq_len: 256 }, B: 12 },
};

export const tensorflow = locateTensorFlow({ cacheDir: ProjectConfig.default().cache_dir, device: 'cpu' });
export const contenders = { onnxruntime: {}, tfjs_node: { tensorflow }, tfjs_node_bf16: { tensorflow, mixedPrecision: true } };
