import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stream } from '@mdiff/diffusion';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workplace } from './command.test.util.js';
import type { Ended, Workplace } from './command.test.util.js';

// A run that is killed ends with the weights and the metrics of a run that was not, to the bit. The suite kills one run in five phases of its life.
// `npm run soak` kills runs at random moments instead, 100 times, from their start-up to their end. MDIFF_TEST_SEED chooses other moments.

const kills = Number(process.env['MDIFF_KILLS'] ?? 0);
const seed = Number(process.env['MDIFF_TEST_SEED'] ?? 1);
const steps = 30;
const saveEvery = 4;

let place: Workplace;
let duration: number;
let expected: { weights: Buffer; metrics: unknown };
beforeAll(async () => {
  place = await workplace();
  const start = performance.now();
  const { code, err } = await place.mdiff(train('whole'));
  expect(code, err).toBe(0);
  duration = performance.now() - start;
  expected = await resultOf('whole');
  // One whole run: a minute and more beside other work.
}, 600_000);
afterAll(() => place.remove());

// Two stages, a moving average, dropout and both objectives: everything whose state a checkpoint has to hold.
const stage = (name: string, unit: string, range: number[]) => ({
  name,
  epochs: 1,
  masking_rate_range: range,
  data_selection: 'all',
  format_type: unit,
});
const train = (name: string, ...more: string[]): string[] => [
  'train',
  place.book,
  ...place.settings(name),
  ...[
    'model.n_layers=1',
    'model.dropout=0.1',
    `training.max_steps=${steps}`,
    'training.on_max_steps=scale',
    'training.eval_every=10',
    `training.save_every=${saveEvery}`,
    'training.ema_decay=0.9',
    'training.causal_fraction=0.2',
    `curriculum.stages=${JSON.stringify([stage('one', 'sentences', [0.3, 1]), stage('two', 'paragraphs', [0.001, 0.7])])}`,
  ].flatMap((setting) => ['--set', setting]),
  '--no-sample',
  ...more,
];
const folderOf = (name: string): string => join(place.folder, 'outputs', name);
const resultOf = async (name: string) => ({
  weights: await readFile(join(folderOf(name), 'model', 'model.safetensors')),
  metrics: await place.losses(name),
});

/** Starts the run `killed` or resumes it. `watch` gets the output so far, at first none. */
function attempt(watch: (out: string, kill: () => void) => void): Promise<Ended> {
  const resume = existsSync(join(folderOf('killed'), 'run.json')) ? ['--resume'] : [];
  return place.mdiff(train('killed', ...resume), (child, out) => watch(out, () => child.kill('SIGKILL')));
}

async function expectWhole(after: string): Promise<void> {
  const { weights, metrics } = await resultOf('killed');
  expect(weights.equals(expected.weights), `the weights ${after}`).toBe(true);
  expect(metrics, `the metrics ${after}`).toEqual(expected.metrics);
}

async function killInEachPhase(): Promise<void> {
  const random = stream(seed, 'soak');
  const [early, late] = [2 + random.int(8), 12 + random.int(8)];
  const at = (step: number): RegExp => new RegExp(`^step +${step}/${steps} `, 'm');
  for (const moment of [/^tokenizing/m, /^compiling/m, at(early), at(late), /^exporting/m]) {
    const { signal, err, out } = await attempt((text, kill) => moment.test(text) && kill());
    expect(signal, `the kill at ${moment.source}: ${err}`).toBe('SIGKILL');
    if (moment.source !== at(late).source) continue;
    // A run that began anew would have the same losses. This one does not do again what the last checkpoint holds.
    const first = Number(/^step +(\d+)\//m.exec(out)?.[1]);
    expect(first).toBeGreaterThan(saveEvery * Math.floor((early - 1) / saveEvery));
  }
  const { code, err, out } = await attempt(() => undefined);
  expect(code, err).toBe(0);
  expect(out).not.toMatch(/^step +[1-9]\//m);
  await expectWhole(`after five kills (seed ${seed}: steps ${early} and ${late})`);
}

/** Kills the process after so many milliseconds. @returns undefined if it was killed, or how it ended before */
async function attemptUntil(moment: number): Promise<Ended | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const ended = await attempt((_out, kill) => (timer ??= setTimeout(kill, moment)));
  clearTimeout(timer);
  return ended.signal === 'SIGKILL' ? undefined : ended;
}

async function killAtRandom(): Promise<void> {
  const random = stream(seed, 'soak');
  let [killed, finished] = [0, 0];
  for (;;) {
    const isLast = killed >= kills;
    const ended = await attemptUntil(isLast ? 2 ** 30 : random.int(Math.ceil(duration)));
    if (ended === undefined) {
      killed++;
      continue;
    }
    expect(ended.code, `after ${killed} kills: ${ended.err}`).toBe(0);
    await expectWhole(`after ${killed} kills`);
    finished++;
    process.stdout.write(`${killed} kills, ${finished} runs finished, 0 lost\n`);
    if (isLast) return;
    // The next run starts from nothing, its cache included.
    await rm(folderOf('killed'), { recursive: true });
    await rm(join(place.folder, 'cache'), { recursive: true });
  }
}

if (kills === 0) it('killed in each phase of its life, a run loses nothing', killInEachPhase, 120_000);
else it(`killed ${kills} times (seed ${seed}), runs lose nothing`, killAtRandom, 600_000 + kills * 60_000);
