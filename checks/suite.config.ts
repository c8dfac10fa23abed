import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

const conditions = ['@mdiff/source', 'import', 'module', 'node', 'default'];

/** The Vitest configuration of one folder of checks, which needs what `npm test` must not. */
export const suite = (name: string): ViteUserConfig =>
  defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      name,
      root: new URL('.', import.meta.url).pathname,
      include: [`${name}/*.test.ts`],
      setupFiles: [new URL('../packages/testing/src/setup.ts', import.meta.url).pathname],
      // On a machine with other work a process takes its time to start, and a test starts up to five.
      testTimeout: 300_000,
      hookTimeout: 120_000,
      env: { ORT_DISABLE_TELEMETRY: '1' },
      // Each file takes all cores: TensorFlow's own threads, or a software device.
      maxWorkers: 1,
    },
  });
