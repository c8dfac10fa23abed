import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Packages import each other's TypeScript through this condition, so no test needs a build.
const conditions = ['@mdiff/source', 'import', 'module', 'node', 'default'];

const projects = ['packages', 'apps'].flatMap((room) =>
  readdirSync(new URL(room, import.meta.url)).map((name) => ({
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      name,
      root: `${room}/${name}`,
      include: ['src/**/*.test.ts'],
      setupFiles: [new URL('packages/testing/src/setup.ts', import.meta.url).pathname],
      testTimeout: 60_000,
      env: { ORT_DISABLE_TELEMETRY: '1' },
    },
  })),
);

export default defineConfig({ test: { projects, maxWorkers: 2, passWithNoTests: true } });
