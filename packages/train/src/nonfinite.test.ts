import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { engines } from '@mdiff/engine';
import type { Engine } from '@mdiff/engine';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { listCheckpoints } from './checkpoint.js';
import { MAX_SKIPS } from './nonfinite.js';
import { go, tinyRun } from './tiny.test.util.js';

// The table is read-only for everyone else.
const table = engines as Record<string, (typeof engines)[string]>;
const original = engines['onnxruntime']!;
const folders: string[] = [];
afterEach(() => void (table['onnxruntime'] = original));
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** From now on an engine has these parts instead of its own. */
function replace(parts: (engine: Engine) => Partial<Engine>): void {
  table['onnxruntime'] = async (options) => {
    const engine = await original(options);
    return Object.assign(Object.create(engine) as Engine, parts(engine));
  };
}

/** An engine whose steps from number `first` on (from 1) have no finite loss. */
function blowUpAt(first: number): void {
  let count = 0;
  replace((engine) => ({
    step: async (...input) =>
      ++count < first ? engine.step(...input) : { ...(await engine.step(...input)), finite: false, loss: NaN, gradNorm: NaN },
  }));
}

async function tiny(training: object) {
  const { config, folder } = await tinyRun({ training: { save_every: 4, eval_every: 0, log_every: 1, causal_fraction: 0, ...training } });
  folders.push(folder);
  const run = join(config.output_dir, config.experiment_name);
  return { config, checkpoints: join(run, 'checkpoints'), run };
}

describe('a run whose weights blow up', () => {
  it('keeps a checkpoint from before them, even if it keeps only one, and --resume goes on from there', async () => {
    const { config, checkpoints } = await tiny({ keep_checkpoints: 1 });
    blowUpAt(13);
    await expect(go(config)).rejects.toMatchObject({
      code: 'MDIFF_NONFINITE',
      message: expect.stringMatching(
        /^step 13 \(stage [^)]*\): expected a finite loss and gradient, got loss NaN, norm NaN, from units .+; lower training\.learning_rate and run again with --resume, or set training\.on_nonfinite to "skip"; --resume goes on from step 8, because the weights of step-00000012\.nonfinite give this: it is kept, and not used$/,
      ) as string,
    });
    expect(await listCheckpoints(checkpoints)).toEqual([8]);
    table['onnxruntime'] = original;
    expect(await go(config.with({ training: { on_nonfinite: 'skip' } }), { mode: 'resume' })).toMatchObject({ finished: true, step: 20 });
  });

  it('and that has no checkpoint yet goes on from step 0', async () => {
    const { config } = await tiny({ save_every: 100 });
    blowUpAt(3);
    await expect(go(config)).rejects.toThrow(/--resume goes on from step 0$/);
    table['onnxruntime'] = original;
    expect((await go(config, { mode: 'resume' })).finished).toBe(true);
  });

  it(`stops after ${MAX_SKIPS} skipped steps in a row, and exports nothing`, async () => {
    const { config, run, checkpoints } = await tiny({ max_steps: 40, on_nonfinite: 'skip' });
    blowUpAt(6);
    await expect(go(config)).rejects.toThrow(
      new RegExp(`^step ${5 + MAX_SKIPS} .*as in each of the last ${MAX_SKIPS} steps; .*--resume goes on from step 4, because`),
    );
    expect(await listCheckpoints(checkpoints)).toEqual([4]);
    expect(await readdir(run)).not.toContain('model');
  });

  it('never saves weights that are not finite', async () => {
    const { config, run, checkpoints } = await tiny({});
    let reads = 0;
    replace((engine) => ({
      read: async () => {
        const state = await engine.read();
        return ++reads < 3 ? state : { ...state, params: state.params.map(() => NaN) };
      },
    }));
    await expect(go(config)).rejects.toThrow(/^step 12: the weights are not finite, so mdiff saves no checkpoint of them; .*from step 8$/);
    expect(await listCheckpoints(checkpoints)).toEqual([4, 8]);
    expect(await readdir(run)).not.toContain('model');
  });

  it('never reports a figure that is not finite', async () => {
    const { config, run } = await tiny({});
    replace((engine) => ({ evaluate: async (batch) => (await engine.evaluate(batch)).map(() => NaN) }));
    await expect(go(config)).rejects.toThrow(/^held-out text: expected a finite loss, got NaN; lower training\.learning_rate/);
    expect(await readdir(run)).not.toContain('model');
  });
});
