import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { tf } from './tf.js';

/** Models that TensorFlow.js or its converter saved: a `model.json` beside the files of its weights. */

interface ModelJson {
  format?: string;
  modelTopology?: { node?: unknown };
  weightsManifest?: { paths: string[]; weights: tfjs.io.WeightsManifestEntry[] }[];
}

/** The file cannot be read as a saved model. `message` names the file and what to do. */
export class SavedModelError extends Error {}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : 'reading failed';
    throw new SavedModelError(`cannot read ${file}: ${reason} (${code}); give the path of a model.json with its weights beside it`);
  }
}

function parse(file: string): ModelJson {
  const text = new TextDecoder().decode(read(file));
  try {
    const json = JSON.parse(text) as ModelJson;
    if (json.modelTopology && Array.isArray(json.weightsManifest)) return json;
  } catch {
    // Said below, as for JSON of another kind.
  }
  throw new SavedModelError(
    `${file} is no model of TensorFlow.js: expected JSON with modelTopology and weightsManifest; save one with model.save, or convert it with tensorflowjs_converter`,
  );
}

/** Loads `model.json` and the weights that it names in its folder. @throws SavedModelError when one of them cannot be read */
export async function loadSaved(file: string): Promise<tf.LayersModel | tf.GraphModel> {
  const json = parse(file);
  const manifest = json.weightsManifest!;
  const parts = manifest.flatMap(({ paths }) => paths).map((path) => read(join(dirname(file), path)));
  const weightData = new Uint8Array(parts.reduce((total, { byteLength }) => total + byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    weightData.set(part, offset);
    offset += part.byteLength;
  }
  const artifacts = { ...json, weightSpecs: manifest.flatMap(({ weights }) => weights), weightData: weightData.buffer };
  const handler: tfjs.io.IOHandler = { load: () => Promise.resolve(artifacts as unknown as tfjs.io.ModelArtifacts) };
  const graph = json.format === 'graph-model' || json.modelTopology?.node !== undefined;
  try {
    return await (graph ? tf.loadGraphModel(handler) : tf.loadLayersModel(handler));
  } catch (error) {
    throw new SavedModelError(`${file} cannot be loaded: ${(error as Error).message.split('\n')[0]}`);
  }
}
