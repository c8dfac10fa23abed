import type { Turns } from '@mdiff/workers/browser';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from '../fixture.test.util.js';
import type { Step } from '../fill.js';
import { generate } from '../generate.js';
import { infill } from '../infill.js';
import { loadModel } from '../load.js';
import { rewrite } from '../rewrite.js';
import { score } from '../score.js';
import type { FillProgress, FillTask, LocalFilling, StepOutcome } from './filling.js';
import { fillInTurn, remoteFillings } from './fillings.js';

const shifted = await loadModel(fixture('shifted'));
afterAll(() => shifted.close());

/** The first number of a task's seeds: the passes that it needs. */
const task = (passes: number, watched = false): FillTask => ({ seeds: [passes], watched }) as unknown as FillTask;

interface Pass {
  /** the passes that each of its fillings still needs */
  readonly left: readonly number[];
  /** `waits`: those that have no place in it */
  answer(waits?: readonly number[]): void;
  fail(outcome: StepOutcome | Error): void;
}

/** A thread whose passes end when they are told to. */
function thread() {
  const passes: Pass[] = [];
  const counts = new Map<LocalFilling, number>();
  let queue: Promise<unknown> = Promise.resolve();
  let shut = false;
  // One after the other, as calls into a thread are.
  const take: Turns['take'] = (job) => {
    const done = queue.then(() => (shut ? Promise.reject(new Error('the thread is closed')) : job()));
    queue = done.catch(() => undefined);
    return done;
  };
  const fillings = fillInTurn(
    (some) =>
      new Promise((resolve, reject) => {
        passes.push({
          left: some.map((one) => counts.get(one)!),
          answer(waits = []) {
            const outcomes = some.map((_, i): StepOutcome => (waits.includes(i) ? 'waits' : 'stepped'));
            some.forEach((one, i) => waits.includes(i) || counts.set(one, counts.get(one)! - 1));
            resolve({ outcomes, rows: some.length - waits.length, tokens: [] });
          },
          fail: (outcome) =>
            outcome instanceof Error ? reject(outcome) : resolve({ outcomes: some.map(() => outcome), rows: 0, tokens: [] }),
        });
      }),
  );
  const begun = (of: FillTask): LocalFilling => {
    const local: LocalFilling = {
      task: of,
      begun: false,
      wanted: () => Array.from({ length: counts.get(local)! }) as ReturnType<LocalFilling['wanted']>,
      take: () => [],
      report: () => ({ events: [], results: counts.get(local) === 0 ? [] : null }),
    };
    counts.set(local, of.seeds[0]!);
    return local;
  };
  const remote = remoteFillings({
    begin: ({ filling, task: of }) => take(async () => fillings.begin(filling, begun(of), { take })),
    news: () => take(async () => ({ news: fillings.news() })).then(({ news }) => news),
    end: ({ filling }) => take(async () => fillings.end(filling)),
  });
  const next = async (count: number): Promise<Pass> => {
    while (passes.length < count) await new Promise(setImmediate);
    return passes[count - 1]!;
  };
  return { ...remote, passes, next, shut: () => (shut = true) };
}

const filled = (progress: FillProgress): boolean => progress.results !== null;

describe('several fillings', () => {
  it('go from pass to pass without being asked; one that comes meanwhile joins, and one without a place is first in the next', async () => {
    const { open, next } = thread();
    const [a, b] = await Promise.all([open(task(3)), open(task(1))]);
    const first = await next(1);
    expect(first.left).toEqual([3, 1]);
    const opening = open(task(2));
    first.answer([1]);
    const c = await opening;
    const second = await next(2);
    expect(second.left).toEqual([1, 2, 2]);
    second.answer();
    (await next(3)).answer();
    expect([a, b, c].map((one) => one.progress().then(filled))).toHaveLength(3);
    expect(await Promise.all([open(task(1)), next(4).then(({ left, answer }) => (answer(), left))])).toMatchObject([{}, [1]]);
  });

  it('report once when they are filled, and after each pass where they are watched', async () => {
    const { open, next } = thread();
    const [plain, watched] = await Promise.all([open(task(2)), open(task(2, true))]);
    const told: string[] = [];
    const whole = plain.progress().then((progress) => void told.push(`plain ${filled(progress)}`));
    const step = watched.progress().then((progress) => void told.push(`watched ${filled(progress)}`));
    (await next(1)).answer();
    await step;
    expect(told).toEqual(['watched false']);
    (await next(2)).answer();
    expect(filled(await watched.progress())).toBe(true);
    await whole;
    expect(told).toEqual(['watched false', 'plain true']);
  });

  it('leave before the next pass where they are closed', async () => {
    const { open, next, passes } = thread();
    const [a, b] = await Promise.all([open(task(2)), open(task(9))]);
    const first = await next(1);
    const left = b.close();
    first.answer();
    await left;
    const second = await next(2);
    expect(second.left).toEqual([1]);
    second.answer();
    expect(filled(await a.progress())).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(passes).toHaveLength(2);
  });

  it('fail one by one, or all with their pass, or as soon as the model is closed', async () => {
    const { open, close, next, shut } = thread();
    const a = await open(task(2));
    (await next(1)).fail({ error: { message: 'no token is left', code: 'MDIFF_SAMPLING' } });
    await expect(a.progress()).rejects.toMatchObject({ message: 'no token is left', code: 'MDIFF_SAMPLING' });
    const both = await Promise.all([open(task(2)), open(task(2))]);
    (await next(2)).fail(new Error('the graph is damaged'));
    for (const one of both) await expect(one.progress()).rejects.toThrow('the graph is damaged');
    const [c, d] = await Promise.all([open(task(2)), open(task(2))]);
    const waiting = expect(c.progress()).rejects.toThrow('the model is closed');
    const last = await next(3);
    shut();
    close(new Error('the model is closed'));
    await waiting;
    last.answer();
    await expect(d.progress()).rejects.toThrow('the model is closed');
  });
});

it('a text and its probabilities are the same to the bit beside other texts of any length, and alone', async () => {
  const calls = [
    (onStep: (step: Step) => void) => generate(shifted, { prompt: 'Call me', maxTokens: 4, n: 2, seed: 1, onStep }),
    (onStep: (step: Step) => void) => generate(shifted, { maxTokens: 30, seed: 2, sampler: 'ancestral', onStep }),
    (onStep: (step: Step) => void) => generate(shifted, { prompt: 'The whale', maxTokens: 60, seed: 3, sampler: 'threshold', onStep }),
    (onStep: (step: Step) => void) => infill(shifted, ['Call me ', { gap: 3 }, ' the ', { gap: [1, 3] }, '.'], { seed: 4, onStep }),
    (onStep: (step: Step) => void) => rewrite(shifted, 'The whale swam to the sea and the whale swam.', { share: 0.6, seed: 5, onStep }),
    (onStep: (step: Step) => void) => generate(shifted, { prompt: 'Call', suffix: ' the whale.', seed: 6, onStep }),
  ];
  const run = async (call: (typeof calls)[number]): Promise<unknown> => {
    const steps: unknown[] = [];
    const { texts } = await call(({ row, commits }) => void steps.push({ row, commits }));
    return { texts, steps };
  };
  const alone: unknown[] = [];
  for (const call of calls) alone.push(await run(call));
  const [together] = await Promise.all([Promise.all(calls.map(run)), score(shifted, 'The whale swam.', { seed: 1 })]);
  expect(together).toEqual(alone);
});
