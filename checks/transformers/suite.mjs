// A model folder in transformers.js: its tokenizer gives the ids of mdiff and brings a text back as it was, and its graphs load and run.
//   node checks/transformers/suite.mjs <model folder> <empty folder>
// Prints `N passed, N failed`.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execute, npm } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';

/** The newest release on 2026-11-30. Nothing of mdiff depends on it. */
const VERSION = '4.3.2';

const [model, folder] = process.argv.slice(2);
const { check, step, end } = counter();

/** Blanks before punctuation, which clean-up would take, blanks in a row, letters of several bytes, and the name of a reserved id. */
const TEXTS = ['Call me Ishmael .', "I do n't know , he said !", 'two  blanks\n\tand a tab', 'Ünïcode “quotes” 🐳'];

async function tokenizerOf({ AutoTokenizer }) {
  const { Tokenizer } = await import('@mdiff/text/tokenizer');
  const ours = Tokenizer.fromJson(readFileSync(join(model, 'tokenizer.json'), 'utf8'));
  const theirs = await AutoTokenizer.from_pretrained('model');
  for (const text of TEXTS)
    await step(`ids of ${JSON.stringify(text)}, and back`, () => {
      const ids = theirs.encode(text);
      const [wanted, got] = [[...ours.encode(text)].join(' '), ids.join(' ')];
      if (wanted !== got) return `expected ${wanted}\ngot      ${got}`;
      return theirs.decode(ids) === text ? '' : `it comes back as ${JSON.stringify(theirs.decode(ids))}`;
    });
  check(
    'it names the mask and the padding',
    theirs.mask_token_id === 0 && theirs.pad_token_id === 1 ? '' : `${theirs.mask_token_id}, ${theirs.pad_token_id}`,
  );
}

/** Runs a row of masks, for two of its positions. */
async function graphOf({ AutoModel, Tensor }, dtype) {
  await step(`the graph loads and runs, ${dtype}`, async () => {
    const loaded = await AutoModel.from_pretrained('model', { dtype });
    const { vocab_size: vocabulary } = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    const ids = Int32Array.of(2, 0, 0, 0);
    const { logits } = await loaded.sessions.model.run({
      input_ids: new Tensor('int32', ids, [1, 4]).ort_tensor,
      attention_mask: new Tensor('int32', new Int32Array(4).fill(1), [1, 4]).ort_tensor,
      rows: new Tensor('int32', Int32Array.of(0, 2), [2]).ort_tensor,
    });
    const values = [...logits.data];
    return logits.dims.join() === `2,${vocabulary}` && values.some(Number.isFinite) && !values.some(Number.isNaN)
      ? ''
      : `logits of ${logits.dims}`;
  });
}

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
const [program, ...args] = npm();
const installed = await execute(
  program,
  [...args, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `@huggingface/transformers@${VERSION}`],
  { output: 'keep', cwd: folder },
);
check('npm installs it without running a script', installed.code === 0 ? '' : installed.text);
if (installed.code === 0) {
  cpSync(resolve(model), join(folder, 'models/model'), { recursive: true });
  const require = createRequire(pathToFileURL(join(resolve(folder), 'package.json')));
  const library = await import(pathToFileURL(require.resolve('@huggingface/transformers')).href);
  const transformers = library.default ?? library;
  transformers.env.allowRemoteModels = false;
  transformers.env.localModelPath = `${join(resolve(folder), 'models')}/`;
  await tokenizerOf(transformers);
  await graphOf(transformers, 'fp32');
  // `mdiff export --int8` writes it under the name that the library looks for.
  if (existsSync(join(model, 'onnx/model_quantized.onnx'))) await graphOf(transformers, 'q8');
}
end();
