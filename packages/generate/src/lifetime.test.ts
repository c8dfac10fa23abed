import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { fixture } from './fixture.test.util.js';

const CLOSES = 20;

// The child is built if the tests import what is built (vitest.config.ts).
const child =
  process.env['MDIFF_BUILT'] === '1'
    ? [fileURLToPath(new URL('../dist/lifetime.test.util.js', import.meta.url))]
    : [
        '--conditions=@mdiff/source',
        '--import',
        import.meta.resolve('tsx'),
        fileURLToPath(new URL('./lifetime.test.util.ts', import.meta.url)),
      ];

it('a model closed while it computes finishes that pass; neither close nor process.exit ends the process by a signal', async () => {
  const { status, signal, stdout, stderr } = await run(...child, fixture('plain'), String(CLOSES));
  expect({ status, signal, stderr }).toEqual({ status: 3, signal: null, stderr: '' });
  const passes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as (number | string)[]);
  expect(passes).toHaveLength(CLOSES);
  const closed = expect.stringMatching(/^ModelError: .*model\.onnx: the model is closed$/) as string;
  const logits = 400 * 31 * 300;
  for (const [first, second, third] of passes) {
    expect([logits, closed]).toContainEqual(first);
    expect([logits, closed]).toContainEqual(second);
    expect(third).toEqual(closed);
  }
  // Most closes fall into the first pass, which was not lost.
  expect(passes.filter(([first]) => first === logits).length).toBeGreaterThan(CLOSES / 2);
});

interface Ended {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  started.stdout.on('data', (text) => (output.stdout += String(text)));
  started.stderr.on('data', (text) => (output.stderr += String(text)));
  return new Promise((resolve) => started.on('close', (status, signal) => resolve({ status, signal, ...output })));
}
