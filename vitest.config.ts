import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import Sequence from './tools/sequence.mjs';

// Packages import each other's TypeScript through the first condition, so no test needs a build. `npm test` builds all the same, to check
// the types; it then sets this variable, and packages import what is built, which starts threads and processes in half the time.
const built = process.env['MDIFF_BUILT'] === '1';
const source = built ? [] : ['@mdiff/source'];

const rooms = ['packages', 'apps'].flatMap((room) => readdirSync(new URL(room, import.meta.url)).map((name) => `${room}/${name}`));

const projects = [...rooms, 'bench', 'examples', 'tools'].map((root) => ({
  resolve: { conditions: [...source, 'import', 'module', 'node', 'default'] },
  // Vitest gives these to Node as well, for `require` too, which must not find an ES module: so no `import` among them.
  ssr: { resolve: { conditions: [...source, 'node', 'default'], externalConditions: source } },
  test: {
    name: root.slice(root.lastIndexOf('/') + 1),
    root,
    include: root.includes('/') ? ['src/**/*.test.ts', 'web/src/**/*.test.ts'] : ['**/*.test.ts', '**/*.test.mjs'],
    setupFiles: [new URL('packages/testing/src/setup.ts', import.meta.url).pathname],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    ...(built && { server: { deps: { external: [/\/(packages|apps)\/[^/]+\/dist\//] } } }),
    // What `engine: auto` and `device: auto` mean in a test must not depend on what is installed beside it, or on a GPU.
    env: { ORT_DISABLE_TELEMETRY: '1', MDIFF_TENSORFLOW: '', MDIFF_WEBGPU: '' },
  },
}));

// One file more than there are cores: a file whose test waits for a process, a signal or a clock leaves its core to another.
const maxWorkers = Math.min(availableParallelism() + 1, 4);

export default defineConfig({ test: { projects, maxWorkers, sequence: { sequencer: Sequence }, passWithNoTests: true } });
