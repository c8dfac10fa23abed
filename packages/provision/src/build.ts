import { join, resolve } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { file, parsed, problemThen } from '@mdiff/prepare';
import { MdiffError, places } from '@mdiff/folder';
import { writeFolderWhole } from '@mdiff/folder/node';
import type { Manifest } from '@mdiff/folder';
import { readSafetensors } from '@mdiff/folder';

// Makes the folder of a sentence encoder from a model as Hugging Face has it.

/** a problem of the model that a folder is made from */
const unfit = problemThen('use the folder of a BERT encoder as Hugging Face has it (config.json, model.safetensors, tokenizer.json)');

/** A model in Hugging Face's layout: its files by name, in a folder or in an archive. */
export interface ModelFiles {
  /** what error messages call a file */
  at(name: string): string;
  /** rejects where there is none */
  read(name: string): Promise<Uint8Array>;
  /** where it came from, kept with what is made of it */
  origin: object;
}

export const folderFiles = (folder: string): ModelFiles => ({
  origin: { folder: resolve(folder) },
  at: (name) => join(folder, name),
  read: (name) => file(join(folder, name), unfit),
});

/** A `tokenizer.json` that neither pads nor cuts: MiniLM's pads every sentence to 128 tokens and cuts there, which its authors' own code overrides. */
function unpadded(text: string, at: string): string {
  const vocabulary = parsed<object>(text, at, unfit);
  try {
    Tokenizer.fromString(text);
  } catch (error) {
    throw unfit(at, "a tokenizer of the 'tokenizers' library", (error as Error).message);
  }
  return JSON.stringify({ ...vocabulary, padding: null, truncation: null });
}

/**
 * Makes an encoder's folder from a model as Hugging Face has it (`config.json`, `model.safetensors`, `tokenizer.json`), in Node alone. With `int8` its
 * products are of 8 bits.
 * @throws MdiffError MDIFF_EMBEDDINGS naming what is missing or of another kind
 */
export async function buildEncoder(from: string | ModelFiles, to: string, { int8 = false }: { int8?: boolean } = {}): Promise<Manifest> {
  const { encoderOnnx, encoderTensors } = await import('./bert.js');
  const source = typeof from === 'string' ? folderFiles(from) : from;
  const text = async (name: string): Promise<string> => Buffer.from(await source.read(name)).toString('utf8');
  const config = await text('config.json');
  const shape = parsed<Parameters<typeof encoderOnnx>[0] & { model_type?: string; hidden_act?: string }>(
    config,
    source.at('config.json'),
    unfit,
  );
  if (shape.model_type !== 'bert' || shape.hidden_act !== 'gelu') {
    throw unfit(source.at('config.json'), 'model_type "bert" with hidden_act "gelu"', JSON.stringify([shape.model_type, shape.hidden_act]));
  }
  const tokenizer = unpadded(await text('tokenizer.json'), source.at('tokenizer.json'));
  const wanted = encoderTensors(shape);
  const weights = await source.read('model.safetensors');
  let model: Uint8Array;
  try {
    const { tensors } = readSafetensors(weights, (name) => wanted.has(name));
    model = encoderOnnx(shape, tensors, { int8 });
  } catch (error) {
    if (error instanceof MdiffError) throw error;
    throw unfit(source.at('model.safetensors'), 'the float32 weights of the encoder in config.json, whole', (error as Error).message);
  }
  const more = await source.read('sentence_bert_config.json').catch(() => undefined);
  return writeFolderWhole(
    to,
    {
      'onnx/model.onnx': model,
      'config.json': config,
      'tokenizer.json': tokenizer,
      'source.json': `${JSON.stringify({ ...source.origin, ...(int8 && { int8 }) }, null, 2)}\n`,
      ...(more && { 'sentence_bert_config.json': more }),
    },
    places.cache,
  );
}
