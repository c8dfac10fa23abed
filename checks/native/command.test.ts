import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processor } from '@mdiff/engine';
import { workplace } from '@mdiff/integration';
import type { Workplace } from '@mdiff/integration';

// The train command on native TensorFlow: killed, and moved between engines. suite.mjs runs it.

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

// Set, so that the command does not start itself again: the process that is killed must be the one that trains.
const env = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' };
const record = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(place.folder, 'outputs', name, 'run.json'), 'utf8')) as unknown;
const train = (name: string, flags: readonly string[], killAt?: number) =>
  place.mdiff(
    ['train', place.book, ...place.settings(name), '--set', 'training.max_steps=30', ...flags],
    (child, out) => void (killAt !== undefined && out.includes(`step ${String(killAt).padStart(2)}/30`) && child.kill('SIGKILL')),
    env,
  );
const set = (...settings: string[]): string[] => settings.flatMap((setting) => ['--set', setting]);

describe.each(['float32', 'bfloat16'] as const)('mdiff train on native TensorFlow, asked for %s', (asked) => {
  const flags = set('engine=tfjs_node', `training.use_mixed_precision=${asked === 'bfloat16'}`);
  // mdiff takes bfloat16 only if the processor has it and a trial finds it faster here; else it computes in float32 and says so.
  let precision: string;

  it('says and records what computes it, and a killed run goes on to the same bits', async () => {
    const whole = await train(`whole-${asked}`, flags);
    expect(whole.code, whole.err).toBe(0);
    ({ precision } = (await record(`whole-${asked}`)) as { precision: string });
    expect(asked === 'bfloat16' && processor().bf16 ? ['float32', 'bfloat16'] : ['float32']).toContain(precision);
    expect(whole.err.includes('mixed precision is not applied')).toBe(asked !== precision);
    // What multiplies depends on the processor: TensorFlow, or kernels for one of its sets of instructions.
    expect(whole.out).toMatch(new RegExp(`^engine: tfjs_node on cpu, 1 thread, ${precision}( by [^(\\n]+)?( \\(|$)`, 'm'));
    expect(await record(`whole-${asked}`)).toMatchObject({ state: 'finished', engine: 'tfjs_node', device: 'cpu', precision });
    expect((await train(`killed-${asked}`, flags, 11)).signal).toBe('SIGKILL');
    const resumed = await train(`killed-${asked}`, [...flags, '--resume']);
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.out).not.toContain('up to rounding');
    expect(await place.losses(`killed-${asked}`)).toEqual(await place.losses(`whole-${asked}`));
  });

  it('goes on from where ONNX Runtime stopped, and ONNX Runtime from there', async () => {
    const name = `moved-${asked}`;
    const plain = set('engine=onnxruntime', 'training.use_mixed_precision=false');
    expect((await train(name, plain, 9)).signal).toBe('SIGKILL');
    expect((await train(name, [...flags, '--resume'], 20)).signal).toBe('SIGKILL');
    const resumed = await train(name, [...plain, '--resume']);
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.out).toMatch(
      new RegExp(
        `this run was on tfjs_node on cpu, 1 thread, ${precision}( by [^:]+)?: the following steps continue it up to rounding, not to the bit`,
      ),
    );
    const reference = `onnxruntime-${asked}`;
    expect((await train(reference, plain)).code).toBe(0);
    const [moved, stayed] = [await place.losses(name), await place.losses(reference)];
    expect(moved.length).toBe(stayed.length);
    // Float32 sums in another order over thirty steps at a falling loss near 3; bfloat16 products for about half of them.
    moved.forEach(({ loss }, i) =>
      expect(Math.abs(loss - stayed[i]!.loss), `line ${i}`).toBeLessThan(precision === 'float32' ? 1e-3 : 0.1),
    );
  });
});

it('fine-tunes a base model as ONNX Runtime does', async () => {
  const plain = set('engine=onnxruntime', 'training.use_mixed_precision=false');
  expect((await train('base', plain)).code).toBe(0);
  const from = set(`model.init_from=${join(place.folder, 'outputs', 'base', 'model')}`);
  const tuned = await train('tuned', [...set('engine=tfjs_node', 'training.use_mixed_precision=false'), ...from]);
  expect(tuned.code, tuned.err).toBe(0);
  expect((await train('tuned-plain', [...plain, ...from])).code).toBe(0);
  const [native, reference] = [await place.losses('tuned'), await place.losses('tuned-plain')];
  expect(native.length).toBe(reference.length);
  // It starts far below the first loss of random weights, and stays as near to the other engine as above.
  expect(native[0]!.loss).toBeLessThan((await place.losses('base'))[0]!.loss - 0.5);
  native.forEach(({ loss }, i) => expect(Math.abs(loss - reference[i]!.loss), `line ${i}`).toBeLessThan(1e-3));
});
