import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('index.ts', import.meta.url));

async function bundle(code: string): Promise<string> {
  const result = await build({
    stdin: { contents: code.replace('@mdiff/config', entry), resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@mdiff/source'],
    write: false,
    logLevel: 'silent',
  });
  return result.outputFiles[0]!.text;
}

const parsing = `import { ProjectConfig } from '@mdiff/config'; globalThis.config = ProjectConfig.parse(globalThis.text ?? '');`;
const kilobytes = (code: string): number => gzipSync(code, { level: 9 }).length / 1024;

describe('in a browser', () => {
  it('parsing and validating YAML is at most 62 kB, minified and gzipped, without the descriptions', async () => {
    const code = await bundle(parsing);
    // Measured 60.1 kB with 131 keys, of which `yaml` is 30.
    expect(kilobytes(code)).toBeLessThan(62);
    expect(code).not.toContain('rows per forward pass on one worker');
  });

  it('needs neither Node nor eval', async () => {
    const code = await bundle(parsing);
    expect(code).not.toMatch(/["']node:|\beval\(|new Function|require\(["']/);
    const context: { text: string; config?: { seed: number; toYaml(): string; saveYaml(path: string): void } } = { text: 'seed: 7' };
    // A data: module runs in this process, but nothing of it came from Node's own modules.
    Object.assign(globalThis, { text: context.text });
    await import(/* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
    const { config } = globalThis as unknown as Required<typeof context>;
    expect(config.seed).toBe(7);
    expect(config.toYaml()).toBe('seed: 7');
    expect(() => config.saveYaml('x.yaml')).toThrow('cannot write x.yaml in a browser; use config.toYaml() for the text');
    for (const name of ['text', 'config']) Reflect.deleteProperty(globalThis, name);
  });

  it('formulas alone pull nothing else', async () => {
    expect(
      kilobytes(
        await bundle(`import { paramCountExact, estimateMemory } from '@mdiff/config'; globalThis.f = [paramCountExact, estimateMemory];`),
      ),
    ).toBeLessThan(1);
  });

  it('everything, schema and descriptions included, is at most 90 kB', async () => {
    expect(kilobytes(await bundle(`export * from '@mdiff/config';`))).toBeLessThan(90);
  });
});
