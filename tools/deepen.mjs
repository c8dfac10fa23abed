// Makes a deeper model of a model folder, for `model.init_from`. Usage: node tools/deepen.mjs <model folder> <new folder> <layers>
//
// Each new block is a copy of the block below it whose two output projections are zero. The residual stream passes through such a block unchanged, so
// the deeper network computes what the old one did, and training changes it from there (block expansion: LLaMA Pro, arXiv 2401.02415, section 3.2).
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMain } from './workspace.mjs';

/** For each block of the deeper network, the block that it comes from and whether it is a copy. Copies are spread evenly, from the top. */
export function expansion(from, to) {
  const plan = [];
  for (let block = 0; block < from; block += 1) {
    plan.push({ block, copy: false });
    const copies = Math.floor(((block + 1) * (to - from)) / from) - Math.floor((block * (to - from)) / from);
    for (let i = 0; i < copies; i += 1) plan.push({ block, copy: true });
  }
  return plan;
}

/** The tensors (name → { shape, data }) of a network of `from` blocks as those of a network of `to` blocks. */
export function deepened(tensors, from, to) {
  const others = [...tensors.values()].filter(({ name }) => !name.startsWith('blocks.'));
  const blocks = expansion(from, to).flatMap(({ block, copy }, place) =>
    [...tensors.values()]
      .filter(({ name }) => name.startsWith(`blocks.${block}.`))
      .map((tensor) => ({
        ...tensor,
        name: tensor.name.replace(/^blocks\.\d+/, `blocks.${place}`),
        data: copy && /\.(attn\.o|ff\.down)\./.test(tensor.name) ? new Float32Array(tensor.data.length) : tensor.data,
      })),
  );
  return [...others, ...blocks];
}

async function deepen(source, target, layers) {
  const config = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'));
  if (!(layers > config.n_layers)) {
    console.error(`deepen: ${source} has ${config.n_layers} layers; expected more than that, got ${layers}`);
    return 2;
  }
  const manifest = JSON.parse(readFileSync(join(source, 'manifest.json'), 'utf8'));
  // What is built, so that this file can be imported where nothing is.
  const { readSafetensors, writeSafetensors } = await import('../packages/folder/dist/index.js');
  const { tensors, metadata } = readSafetensors(readFileSync(join(source, 'model.safetensors')));
  const contents = {
    'config.json': `${JSON.stringify({ ...config, n_layers: layers }, null, 2)}\n`,
    'model.safetensors': writeSafetensors(deepened(tensors, config.n_layers, layers), metadata, 'F16'),
    'README.md': readFileSync(join(source, 'README.md'), 'utf8')
      .replace(/^(\| shape \|) \d+ layers/m, `$1 ${layers} layers`)
      .replace(/^(\| training \|.*?) \|$/m, `$1, then ${config.n_layers} layers made ${layers} by copies that change nothing |`),
  };
  mkdirSync(target);
  manifest.files = manifest.files
    .filter(({ path }) => path !== 'config.resolved.yaml')
    .map(({ path }) => {
      const content = Buffer.from(contents[path] ?? readFileSync(join(source, path)));
      writeFileSync(join(target, path), content);
      return { path, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
    });
  writeFileSync(join(target, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return 0;
}

if (isMain(import.meta.url)) {
  const [source, target, layers, ...rest] = process.argv.slice(2);
  if (layers === undefined || rest.length > 0) {
    console.error('usage: node tools/deepen.mjs <model folder> <new folder> <layers>');
    process.exitCode = 2;
  } else process.exitCode = await deepen(source, target, Number(layers));
}
