import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layoutOf, onnxOf } from '@mdiff/engine/compute';
import { FILES, modelSection, places, toFolderConfig } from '@mdiff/folder';
import { readBase, writeFolderWhole } from '@mdiff/folder/node';
import type { ProjectConfig } from '@mdiff/config';

/** Writes the model that `from` names to `place`, with its graph and with the one in 8 bits. */
export async function bothGraphs(from: string, place: string): Promise<void> {
  const base = await readBase(from);
  const network = modelSection(base.config) as unknown as ProjectConfig['model'];
  const layout = layoutOf(network);
  const params = new Float32Array(layout.total);
  for (const { name, offset } of layout.params) params.set(base.weights.get(name)!.data, offset);
  const { model, quantized } = await onnxOf(network, params, { int8: true });
  const files = {
    [FILES.config]: `${JSON.stringify(toFolderConfig(network, base.name, base.config.causal_share))}\n`,
    [FILES.weights]: await readFile(join(base.path, FILES.weights)),
    [FILES.tokenizer]: base.tokenizer,
    [FILES.generation]: await readFile(join(base.path, FILES.generation)),
    [FILES.graph]: model,
    [FILES.quantized]: quantized!,
  };
  await writeFolderWhole(place, files, places.output);
}
