import { defineConfig } from 'vitest/config';

// The suites that need a WebGPU device, if only a software one. `*.webgpu.ts` keeps them out of `npm test`.

const conditions = ['@mdiff/source', 'import', 'module', 'node', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name: 'webgpu',
    root: new URL('..', import.meta.url).pathname,
    include: ['src/**/*.webgpu.ts'],
    setupFiles: [new URL('../../testing/src/setup.ts', import.meta.url).pathname],
    // On a machine with other work a process takes its time to start, and a test starts up to five.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // A software device takes all cores.
    maxWorkers: 1,
  },
});
