#!/usr/bin/env node
// In a checkout the TypeScript sources run directly; a published package runs dist/.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// ONNX Runtime reads this when its library loads, so it is set before anything else runs.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const source = path('../src/main.ts');

if (existsSync(path('../../../pnpm-workspace.yaml')) && existsSync(source)) {
  // Node takes the condition that leads to the sources only when it starts.
  const { launch } = await import('../../../packages/cli/src/launch.js');
  // The tests of `npm test` set this variable: what they start is built, and starts in half the time.
  const program =
    process.env.MDIFF_BUILT === '1'
      ? [path('../dist/main.js')]
      : ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx'), source];
  process.exitCode = await launch(process.execPath, [...program, ...process.argv.slice(2)]);
} else {
  await import(new URL('../dist/main.js', import.meta.url).href);
}
