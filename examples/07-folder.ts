// The model folder: the contract between training and generating. A reader checks size and sha256 of every file before it hands one out.
import { fileURLToPath } from 'node:url';
import { readFolder, readFolderWhole } from '@mdiff/folder/node';

const path = fileURLToPath(new URL('../packages/generate/fixtures/shifted', import.meta.url));
const { config } = await readFolder(path);
console.log(`${config.n_layers} layer of width ${config.d_model}, ${config.vocab_size} tokens`);
console.log(
  Object.keys(await readFolderWhole(path))
    .sort()
    .join(', '),
);
console.log(await readFolder('nowhere').catch((error: Error) => error.message.split(':')[0]));

// Prints:
// 1 layer of width 8, 300 tokens
// config.json, generation_config.json, onnx/model.onnx, tokenizer.json
// nowhere
