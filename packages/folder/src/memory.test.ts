import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { readFiles, type ReadFile } from './memory.js';

const config = {
  model_type: 'mdiff',
  format_version: 1,
  vocab_size: 8,
  max_seq_len: 16,
  shift_head: false,
  mask_token_id: 0,
  pad_token_id: 1,
  bos_token_id: 2,
  eos_token_id: 3,
  sep_token_id: 4,
};
const contents: Record<string, string> = {
  'config.json': JSON.stringify(config),
  'generation_config.json': '{"temperature":0.5}',
  'tokenizer.json': '{}',
  'onnx/model.onnx': 'graph',
  'model.safetensors': 'weights',
};
const bytes = (content: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(content));
const manifest = (files: Record<string, string>): string =>
  JSON.stringify({
    format_version: 1,
    created: '2026-11-30T00:00:00Z',
    files: Object.entries(files).map(([path, content]) => ({
      path,
      size: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
  });
const reader =
  (files: Record<string, string>, seen: string[] = []): ReadFile =>
  (file) => {
    seen.push(file);
    return Promise.resolve(files[file] === undefined ? undefined : bytes(files[file]));
  };
const whole = { ...contents, 'manifest.json': manifest(contents) };

it('reads what running the model needs, and not its weights', async () => {
  const seen: string[] = [];
  const model = await readFiles('https://example.org/whale/', reader(whole, seen));
  expect(model).toMatchObject({ path: 'https://example.org/whale', name: 'whale', generation: { temperature: 0.5 }, tokenizer: '{}' });
  expect(new TextDecoder().decode(model.graph)).toBe('graph');
  expect(model).not.toHaveProperty('causalGraph');
  expect(seen.sort()).toEqual(['config.json', 'generation_config.json', 'manifest.json', 'onnx/model.onnx', 'tokenizer.json']);
});

it('asks once more for a file that does not match the manifest, and then refuses it', async () => {
  const kept = { ...whole, 'onnx/model.onnx': 'grapf' };
  const asked: unknown[] = [];
  const fresh: ReadFile = (file, entry, again) => {
    asked.push(again);
    return reader(again ? whole : kept)(file, entry);
  };
  await expect(readFiles('m', fresh)).resolves.toMatchObject({ name: 'm' });
  expect(asked.filter(Boolean)).toHaveLength(1);
  await expect(readFiles('m', reader(kept))).rejects.toThrow(
    /^m\/onnx\/model\.onnx: expected sha256 \w{12}… \(manifest\.json\), got \w{12}…; /,
  );
  await expect(readFiles('m', reader({ ...whole, 'tokenizer.json': '{} ' }))).rejects.toThrow(
    'm/tokenizer.json: expected 2 bytes (manifest.json), got 3',
  );
});

it('says what is missing', async () => {
  await expect(readFiles('m', reader({}))).rejects.toThrow(
    'm: expected a model folder, got no manifest.json; give the folder that training wrote (…/model)',
  );
  const { 'onnx/model.onnx': graph, ...rest } = contents;
  expect(graph).toBe('graph');
  await expect(readFiles('m', reader({ ...whole, 'manifest.json': manifest(rest) }))).rejects.toThrow(
    'm/manifest.json: expected an entry for onnx/model.onnx, got none',
  );
  await expect(readFiles('m', reader({ ...rest, 'manifest.json': manifest(contents) }))).rejects.toThrow(
    'm/onnx/model.onnx: expected a file of 5 bytes (manifest.json), got nothing',
  );
});
