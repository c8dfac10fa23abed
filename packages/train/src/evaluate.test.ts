import { assemble, packRows } from '@mdiff/curriculum';
import type { StepBatch, StepEngine } from '@mdiff/engine';
import type { HeldOut } from '@mdiff/prepare';
import { expect, it } from 'vitest';
import { FINAL_LEVELS, evaluateNelbo } from './evaluate.js';

const shape = { length: 16, shiftHead: false };
const { rows } = packRows(
  Array.from({ length: 12 }, (_, id) => ({ id, tokens: Int32Array.from({ length: 3 + (id % 5) }, (_token, i) => 10 + id + i) })),
  shape,
);
const batches = Array.from({ length: Math.ceil(rows.length / 2) }, (_, i) => assemble(rows.slice(2 * i, 2 * i + 2), 2, shape));
const heldOut = { batches, tokens: 70, bytes: 300 } as unknown as HeldOut;

/** The loss of a masked token depends on the token alone, so a mask has the same figure in any pass. */
function engine(): { passes: number } & Pick<StepEngine, 'evaluate'> {
  const fake = {
    passes: 0,
    evaluate: ({ targets }: StepBatch) => {
      fake.passes++;
      return Promise.resolve(Float32Array.from(targets, (target) => target / 7));
    },
  };
  return fake;
}

it('the figure of a brief evaluation is among those of the full one, which takes four times as long', async () => {
  const [once, full] = [engine(), engine()];
  const evaluated = (one: unknown, brief: boolean) =>
    evaluateNelbo(one as StepEngine, heldOut, { seed: 3, brief, shiftHead: false, signal: new AbortController().signal });
  const short = (await evaluated(once, true))!;
  const long = (await evaluated(full, false))!;
  expect(full.passes).toBe(FINAL_LEVELS * once.passes);
  expect(short.perUnit).toHaveLength(12);
  expect(long.perUnit).toHaveLength(12);
  const { nelbo, se, bitsPerByte } = short;
  expect(short.brief).toEqual({ nelbo, se, bitsPerByte });
  expect(long.brief).toEqual(short.brief);
  expect(long.nelbo).not.toBe(long.brief.nelbo);
});
