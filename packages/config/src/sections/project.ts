import { bool, choice, choices, key, name, path, presetsOrFiles } from './kinds.js';
import { projectSeed } from './sampling.js';

/** The keys that stand at the top level. */
export const projectKeys = {
  extends: presetsOrFiles(
    'lower layers are loaded first: a preset name, a file path, or a list of at most 16',
    'files and code only; not part of the resolved record',
  ),
  experiment_name: name(
    'micro-diffusion',
    'my-first-run',
    'folder `output_dir/experiment_name/` for checkpoints, logs, reports; run name in logs; if it is not set, `mdiff train` names the run after its text',
    'it becomes a directory, hence the pattern',
  ),
  seed: key<number>(
    projectSeed.range,
    projectSeed.default,
    7,
    'every draw (weights, batches, masks, dropout, samples of pairs and corpus, generation)',
    'same seed, config, engine and threads → same losses',
  ),
  data_dir: path('data', 'books', 'base folder of `data.source`'),
  output_dir: path('outputs', 'runs', 'where runs are written'),
  cache_dir: path(
    'cache',
    '.cache',
    'where tokenizers, scores, embeddings and local models are looked up and kept, by content hash',
    'safe to delete',
  ),
  device: choice(
    ['auto', 'cpu', 'cuda', 'webgpu'],
    'cuda',
    'auto',
    'where tensors live; auto = cuda if usable, else webgpu on real hardware, else cpu',
    'set but absent → error S1; default but absent → as auto, N2',
  ),
  engine: choice(
    ['auto', 'onnxruntime', 'tfjs_node', 'tfjs'],
    'auto',
    'onnxruntime',
    'what executes the traced step: onnxruntime = as an ONNX graph; tfjs_node = as a TensorFlow graph in native TensorFlow, through tfjs-node(-gpu); tfjs = eager pure-JS reference (slow, parity tests)',
    'devices: onnxruntime cpu, cuda, webgpu; tfjs_node cpu, cuda; tfjs cpu. auto on a GPU: tfjs_node where native TensorFlow is installed for it, else onnxruntime; on the processor: the installed engine whose training step is fastest here, by a trial (kept in `cache_dir`)',
  ),
  mixed_precision: bool(true, 'see `training.use_mixed_precision`', 'alias of it'),
  gradient_checkpointing: bool(true, 'see `training.use_gradient_checkpointing`', 'alias of it'),
  log_format: choice(['auto', 'text', 'json'], 'auto', 'json', 'progress as text or JSON lines; auto = text on a terminal'),
  reports: choices(
    ['html', 'tensorboard'],
    ['html'],
    ['html', 'tensorboard'],
    'html: `report.html` in the run folder, when the run ends or is stopped; tensorboard: event files in its folder `tensorboard`, from the first metric line on',
    '`[]` = none',
  ),
};
