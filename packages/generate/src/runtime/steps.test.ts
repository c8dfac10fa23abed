import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from '../fixture.test.util.js';
import type { Step } from '../fill.js';
import { generate } from '../generate.js';
import { infill } from '../infill.js';
import { loadModel } from '../load.js';
import { rewrite } from '../rewrite.js';
import { score } from '../score.js';
import type { FillTask, StepOutcome } from './filling.js';
import { sharedSteps } from './steps.js';

const shifted = await loadModel(fixture('shifted'));
afterAll(() => shifted.close());

const TASK = {} as FillTask;
const progress = (name: string): StepOutcome => ({ events: [], results: [], name }) as StepOutcome;

/** A thread that answers when it is told to. */
function thread() {
  const passes: { fillings: readonly number[]; answer(outcomes: readonly StepOutcome[] | Error): void }[] = [];
  const ended: number[] = [];
  const open = sharedSteps({
    begin: () => Promise.resolve(),
    step: ({ fillings }) =>
      new Promise((resolve, reject) => {
        passes.push({
          fillings,
          answer: (outcomes) => (outcomes instanceof Error ? reject(outcomes) : resolve({ outcomes, rows: outcomes.length })),
        });
      }),
    end: async ({ filling }) => void ended.push(filling),
  });
  const next = async (count: number): Promise<(typeof passes)[number]> => {
    while (passes.length < count) await new Promise(setImmediate);
    return passes[count - 1]!;
  };
  return { open: () => open(TASK), passes, next, ended };
}

describe('steps of several fillings', () => {
  it('share a pass; one that comes meanwhile joins the next, and one without a place is first there', async () => {
    const { open, next } = thread();
    const [a, b, c] = [await open(), await open(), await open()];
    const [stepA, stepB] = [a.step(), b.step()];
    const first = await next(1);
    expect(first.fillings).toEqual([0, 1]);
    const stepC = c.step();
    first.answer([progress('a'), null]);
    expect(await stepA).toMatchObject({ name: 'a' });
    const again = a.step();
    const second = await next(2);
    expect(second.fillings).toEqual([1, 2, 0]);
    second.answer(['b', 'c', 'a again'].map(progress));
    expect(await Promise.all([stepB, stepC, again])).toMatchObject([{ name: 'b' }, { name: 'c' }, { name: 'a again' }]);
  });

  it('leave at once where one is closed while it waits', async () => {
    const { open, next, ended, passes } = thread();
    const [a, b] = [await open(), await open()];
    const stepA = a.step();
    const first = await next(1);
    void b.step();
    await b.close();
    expect(ended).toEqual([1]);
    first.answer([progress('a')]);
    await stepA;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(passes).toHaveLength(1);
  });

  it('fail one by one, or all with their pass', async () => {
    const { open, next } = thread();
    const [a, b] = [await open(), await open()];
    const [stepA, stepB] = [a.step(), b.step()];
    (await next(1)).answer([{ error: { message: 'no token is left', code: 'MDIFF_SAMPLING' } }, progress('b')]);
    await expect(stepA).rejects.toMatchObject({ message: 'no token is left', code: 'MDIFF_SAMPLING' });
    expect(await stepB).toMatchObject({ name: 'b' });
    const both = [a.step(), b.step()];
    (await next(2)).answer(new Error('the thread ended'));
    for (const step of both) await expect(step).rejects.toThrow('the thread ended');
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
