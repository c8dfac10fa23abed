import { fileURLToPath } from 'node:url';
import { build, type OnResolveArgs } from 'esbuild';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const later = ({ kind }: OnResolveArgs): { external: true } | undefined => (kind === 'dynamic-import' ? { external: true } : undefined);

/** The modules that are loaded before the command line is read: what `entry` imports, and not what it imports when it is needed. */
async function loadedFirst(entry: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@mdiff/source'],
    external: ['onnxruntime-node'],
    plugins: [{ name: 'later', setup: (bundler) => bundler.onResolve({ filter: /^/ }, later) }],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return Object.keys(metafile.inputs);
}

// Each module costs about 2 ms of the start of every command.
it('a command loads few modules before it starts: no parser of YAML, no schema library, no server, no trainer', async () => {
  const modules = await loadedFirst('./program.ts');
  const packages = new Set(modules.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(path)?.[1] ?? []));
  expect([...packages].sort()).toEqual([
    '@noble/hashes',
    'commander',
    'fast-string-truncated-width',
    'fast-string-width',
    'fastest-levenshtein',
    'pure-rand',
  ]);
  expect(modules.length).toBeLessThan(200);
});
