import { rm } from 'node:fs/promises';
import { prepare } from '@mdiff/prepare';
import { afterAll, expect, it } from 'vitest';
import { openLoader } from './loader.js';
import { silent } from './reporter.js';
import { stagesOf } from './stages.js';
import { prepareStep } from './step.js';
import { tinyRun } from './tiny.test.util.js';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

it('prepares the same batches in worker threads as here, both objectives, in any order; with complementary masks a masked step comes twice', async () => {
  const { config, folder } = await tinyRun({
    training: { gradient_accumulation_steps: 2, dataloader_num_workers: 2 },
    model: { dropout: 0.1 },
  });
  folders.push(folder);
  const stages = stagesOf(config, await prepare(config, silent));
  const causal = [0, 1, 12, 13, 14, 19].map((step) => stages.isCausal(step));
  expect(new Set(causal).size).toBe(2);
  const paired = config.with({ training: { complementary_masks: true } });
  for (const step of [0, 1, 12, 13, 14, 19]) {
    const [once, twice] = [prepareStep(config, stages, step), prepareStep(paired, stages, step)];
    // A step of next-token prediction has no masks, and so no complements.
    const times = stages.isCausal(step) ? 1 : 2;
    expect([twice.batches.length, twice.tokens]).toEqual([times * once.batches.length, times * once.tokens]);
  }
  const loader = openLoader(config, stages);
  try {
    for (const step of [0, 1, 12, 13, 14, 19]) {
      expect(await loader.input(step), String(step)).toEqual(prepareStep(config, stages, step));
      loader.ahead(step + 1);
      if (step === 13) loader.forget();
    }
  } finally {
    await loader.close();
  }
});
