import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stream } from '@mdiff/diffusion';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workplace } from './command.test.util.js';
import type { Workplace } from './command.test.util.js';

// A run that is killed at random moments, from its start-up to its export, ends with the weights of a run that was not, to the bit.
// `npm run soak` kills it 100 times. MDIFF_TEST_SEED chooses other moments.

const kills = Number(process.env['MDIFF_KILLS'] ?? 5);
const seed = Number(process.env['MDIFF_TEST_SEED'] ?? 1);

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

it(
  `killed ${kills} times (seed ${seed}), a run loses nothing`,
  async () => {
    const train = (name: string, ...more: string[]) => [
      'train',
      place.book,
      ...place.settings(name),
      '--set',
      'training.max_steps=30',
      ...more,
    ];
    const weights = (name: string) => readFile(join(place.folder, 'outputs', name, 'model', 'model.safetensors'));
    const start = performance.now();
    const whole = await place.mdiff(train('whole'));
    expect(whole.code, whole.err).toBe(0);
    const duration = performance.now() - start;
    const expected = await weights('whole');
    const random = stream(seed, 'soak');
    const run = join(place.folder, 'outputs', 'killed');
    let killed = 0;
    let finished = 0;
    while (killed < kills || finished === 0) {
      const moment = killed < kills ? random.int(Math.ceil(duration)) : undefined;
      let timer: NodeJS.Timeout | undefined;
      const resume = existsSync(join(run, 'run.json')) ? ['--resume'] : [];
      const ended = await place.mdiff(train('killed', ...resume), (child) => {
        if (moment !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), moment);
      });
      clearTimeout(timer);
      if (ended.signal === 'SIGKILL') {
        killed++;
        continue;
      }
      expect(ended.code, `after ${killed} kills: ${ended.err}`).toBe(0);
      expect((await weights('killed')).equals(expected), `weights after ${killed} kills`).toBe(true);
      expect(await place.losses('killed')).toEqual(await place.losses('whole'));
      finished++;
      if (killed < kills) await rm(run, { recursive: true });
    }
    console.info(`${killed} kills, ${finished} runs finished, 0 lost`);
  },
  120_000 + kills * 60_000,
);
