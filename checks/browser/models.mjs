// Model folders for the suite of the browser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxOf } from '@mdiff/engine/compute';
import { FILES, modelSection, places, toFolderConfig } from '@mdiff/folder';
import { locateModel, writeFolderWhole } from '@mdiff/folder/node';
import { initParams } from '@mdiff/model';
import { withGraph } from '@mdiff/trainer';

/** A model of about 5 MB with random weights and the tokenizer of the base. It writes nonsense, as fast as a trained one. */
async function writeFiveMegabytes(folder) {
  const base = locateModel('base-en');
  const config = JSON.parse(readFileSync(join(base, FILES.config), 'utf8'));
  const network = { ...modelSection(config), d_model: 64, n_layers: 4, n_heads: 4, d_ff: 172 };
  const { model, causal } = await onnxOf(network, initParams(network, 1), { causal: true });
  const files = {
    [FILES.config]: JSON.stringify(toFolderConfig(network, 'five-megabytes', 0.5)),
    [FILES.tokenizer]: readFileSync(join(base, FILES.tokenizer)),
    [FILES.generation]: readFileSync(join(base, FILES.generation)),
    [FILES.graph]: model,
    ...(causal && { [FILES.causal]: causal }),
  };
  await writeFolderWhole(folder, files, places.output);
}

/** The folder of a model by its name: `five-megabytes` and `base-en`, which are written into `scratch`, or a folder itself. */
export async function modelFolder(name, scratch) {
  const folder = join(scratch, name);
  if (name === 'five-megabytes') await writeFiveMegabytes(folder);
  // The base is weights alone.
  else if (name === 'base-en') await withGraph(name, folder);
  else return name;
  return folder;
}
