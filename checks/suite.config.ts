import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

// As in the workspace's vitest.config.ts: what is built, if that is there for certain.
const built = process.env['MDIFF_BUILT'] === '1';
const source = built ? [] : ['@mdiff/source'];

/** The Vitest configuration of one folder of checks, which needs what `npm test` must not. By default a file takes all cores: a software device. */
export const suite = (name: string, { maxWorkers = 1 } = {}): ViteUserConfig =>
  defineConfig({
    resolve: { conditions: [...source, 'import', 'module', 'node', 'default'] },
    // Node gets these for `require` too, which must not find an ES module.
    ssr: { resolve: { conditions: [...source, 'node', 'default'], externalConditions: source } },
    test: {
      name,
      root: new URL('.', import.meta.url).pathname,
      include: [`${name}/*.test.ts`],
      setupFiles: [new URL('../packages/testing/src/setup.ts', import.meta.url).pathname],
      // On a machine with other work a process takes its time to start, and a test starts up to five.
      testTimeout: 300_000,
      hookTimeout: 120_000,
      env: { ORT_DISABLE_TELEMETRY: '1' },
      maxWorkers,
      ...(built && { server: { deps: { external: [/\/(packages|apps)\/[^/]+\/dist\//] } } }),
    },
  });
