import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const bundle = async (entry: string): Promise<string> => {
  const result = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@mdiff/source'],
    external: ['onnxruntime-web/*'],
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]!.text;
};

it.each(['./browser.ts', './runtime/webworker.ts'])('%s needs neither Node nor eval', async (entry) => {
  const code = await bundle(entry);
  expect(code).not.toMatch(/["']node:|\beval\(|new Function|require\(["']|onnxruntime-node|process\./);
});
