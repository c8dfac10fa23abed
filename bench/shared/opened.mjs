import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateModel } from '@mdiff/folder/node';
import { loadModel } from '@mdiff/generate';
import { withGraph } from '@mdiff/train';

/** Loads the model that `name` means: a folder, or an installed package. Weights alone get a graph, which is removed once it is read. */
export async function openedModel(name) {
  const path = existsSync(name) ? name : locateModel(name);
  if (existsSync(join(path, 'onnx/model.onnx'))) return { model: await loadModel(path), path };
  const place = await mkdtemp(join(tmpdir(), 'mdiff-bench-'));
  try {
    await withGraph(name, join(place, 'model'));
    return { model: await loadModel(join(place, 'model')), path };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
