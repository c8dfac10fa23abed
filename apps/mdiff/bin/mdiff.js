#!/usr/bin/env node
// In a checkout the TypeScript sources run directly; a published package runs dist/.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// ONNX Runtime reads these when its library loads, so they are set before anything else runs.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const built = new URL('../dist/main.js', import.meta.url);
const inCheckout = existsSync(fileURLToPath(new URL('../../../pnpm-workspace.yaml', import.meta.url)));

if (inCheckout && existsSync(source)) {
  const tsx = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--conditions=@mdiff/source', '--import', tsx, source, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; the child saves its work and decides when to end.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { if (signal === 'SIGTERM') child.kill(signal); });
  child.on('exit', (code, signal) => { process.exitCode = signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1); });
} else {
  await import(built.href);
}
