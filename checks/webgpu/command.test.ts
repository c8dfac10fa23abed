import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workplace } from '@mdiff/integration';
import type { Workplace } from '@mdiff/integration';

// The train command on a WebGPU device: killed, interrupted, and moved to the processor. suite.mjs runs it.

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

const train = (name: string, device: string, flags: readonly string[] = [], signal?: NodeJS.Signals) => {
  let sent = false; // a second Ctrl-C ends a command at once
  return place.mdiff(
    [
      'train',
      place.book,
      ...place.settings(name),
      '--set',
      'training.max_steps=12',
      '--set',
      'training.eval_every=0',
      '--set',
      'engine=onnxruntime',
      '--set',
      `device=${device}`,
      ...flags,
    ],
    (child, out) => {
      if (signal === undefined || sent || !out.includes('step  8/12')) return;
      sent = true;
      child.kill(signal);
    },
  );
};

describe('mdiff train on webgpu', () => {
  it('says and records the device, ends near the losses of the processor, and a killed run goes on to the same bits', async () => {
    const whole = await train('whole', 'webgpu');
    expect(whole.code, whole.err).toBe(0);
    expect(whole.out).toContain('engine: onnxruntime on webgpu, 1 thread, float32\n');
    expect(JSON.parse(await readFile(join(place.folder, 'outputs', 'whole', 'run.json'), 'utf8'))).toMatchObject({
      state: 'finished',
      engine: 'onnxruntime',
      device: 'webgpu',
    });
    expect((await train('killed', 'webgpu', [], 'SIGKILL')).signal).toBe('SIGKILL');
    const resumed = await train('killed', 'webgpu', ['--resume']);
    expect(resumed.code, resumed.err).toBe(0);
    expect(await place.losses('killed')).toEqual(await place.losses('whole'));

    expect((await train('processor', 'cpu')).code).toBe(0);
    const [own, expected] = [await place.losses('whole'), await place.losses('processor')];
    expect(own.length).toBe(expected.length);
    // Float32 sums in another order over twelve steps at a loss near 5.
    own.forEach(({ loss }, i) => expect(Math.abs(loss - expected[i]!.loss), `line ${i}`).toBeLessThan(1e-3));
  });

  it('saves when it is interrupted, and goes on on the processor', async () => {
    const interrupted = await train('moved', 'webgpu', [], 'SIGINT');
    expect(interrupted.code, interrupted.err).toBe(130);
    const resumed = await train('moved', 'cpu', ['--resume']);
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.out).toContain(
      'this run was on onnxruntime on webgpu, 1 thread, float32: the following steps continue it up to rounding, not to the bit',
    );
  });
});
