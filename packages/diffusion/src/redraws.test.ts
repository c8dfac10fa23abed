import { describe, expect, it } from 'vitest';
import { denoise, denoiseBatch, type Denoiser, type StepEvent } from './denoise.js';
import type { SamplingOptions } from './options.js';
import { stream } from './random.js';
import type { SamplerName } from './sampler.js';
import { sampler } from './samplers.js';

// Words that one id begins, two pieces that go on inside a word, and a full stop; the other ids are words too.
const [MASK, FIRST, SECOND, PIECE, ENDING, STOP] = [0, 1, 2, 3, 4, 5];
const V = 24;
const letters = Uint8Array.from({ length: V }, (_, id) => (id === MASK || id === STOP ? 0 : id === PIECE || id === ENDING ? 3 : 2));

/** Logits of what follows an id; those that are not named have −1. */
const AFTER: Record<number, Record<number, number>> = {
  [STOP]: { [FIRST]: 3, [SECOND]: 2 },
  // The piece is the likeliest of many ids, with a chance of 0.11.
  [FIRST]: { [PIECE]: 0 },
  [SECOND]: { [STOP]: 9 },
  [PIECE]: { [STOP]: 9 },
};

const denoiserOf =
  (after: Record<number, Record<number, number>>): Denoiser =>
  (rows) =>
    Float64Array.from(
      rows.flatMap(({ canvas, positions }) =>
        Array.from(positions).flatMap((p) => Array.from({ length: V }, (_, id) => after[canvas[p - 1]!]?.[id] ?? -1)),
      ),
    );

interface Case extends Partial<SamplingOptions> {
  name?: SamplerName;
  seed?: number;
  after?: Record<number, Record<number, number>>;
  allow?: Record<number, number[]>;
  onStep?: (event: StepEvent) => void;
}

async function write(canvas: number[], { name = 'first_hitting', seed = 1, after = AFTER, allow = {}, onStep, ...more }: Case = {}) {
  const result = await denoise({
    canvas: Int32Array.from(canvas),
    maskId: MASK,
    denoiser: denoiserOf(after),
    sampler: sampler(name),
    options: { letters, wordGuard: 1, blockLength: 1, temperature: 0, ...more },
    constraints: new Map(Object.entries(allow).map(([p, ids]) => [Number(p), { allow: Int32Array.from(ids) }])),
    rng: stream(seed),
    ...(onStep && { onStep }),
  });
  return { ...result, ids: Array.from(result.canvas) };
}

const BEGINNING = [STOP, MASK, MASK, MASK];
const INVENTED = [STOP, FIRST, PIECE, STOP];
const KNOWN = [STOP, SECOND, STOP, FIRST];

describe('a word whose pieces were unlikely', () => {
  it('is written anew without its beginning, and the listener sees neither it nor its steps', async () => {
    const seen: unknown[] = [];
    const { ids, nfe, steps } = await write(BEGINNING, {
      onStep: ({ step, of, nfe: passes, canvas, commits }) =>
        seen.push([step, of, passes, Array.from(canvas), commits.map(({ token }) => token)]),
    });
    expect(ids).toEqual(KNOWN);
    // Three passes for the first word and its end, and three for what stays.
    expect([nfe, steps]).toEqual([6, 3]);
    expect(seen).toEqual([
      [1, 3, 4, [STOP, SECOND, MASK, MASK], [SECOND]],
      [2, 3, 5, [STOP, SECOND, STOP, MASK], [STOP]],
      [3, 3, 6, KNOWN, [FIRST]],
    ]);
  });

  it('stays without the guard, under a weaker one, and where the order is not from left to right or takes nothing back', async () => {
    expect((await write(BEGINNING, { wordGuard: 0 })).ids).toEqual(INVENTED);
    expect((await write(BEGINNING, { wordGuard: 0.2 })).ids).toEqual(INVENTED);
    expect((await write(BEGINNING, { wordGuard: 0.4 })).ids).toEqual(KNOWN);
    expect(await write(BEGINNING, { name: 'causal' })).toMatchObject({ ids: INVENTED, nfe: 3 });
    expect((await write(BEGINNING, { name: 'confidence', blockLength: 2, numSteps: 50 })).nfe).toBe(3);
    const allowed = Int32Array.of(FIRST, PIECE, -1, SECOND, -1);
    expect(await write(BEGINNING, { words: { allowed, forbidden: [] } })).toMatchObject({ ids: [STOP, FIRST, PIECE, FIRST], nfe: 3 });
  });

  it('stays where it begins in given text, and where the caller chose its beginning', async () => {
    expect((await write([STOP, FIRST, MASK, MASK])).ids).toEqual(INVENTED);
    expect((await write(BEGINNING, { allow: { 1: [FIRST, SECOND] } })).ids).toEqual(INVENTED);
  });

  it('stays where it has more ids than a word has', async () => {
    const after = { ...AFTER, [PIECE]: { [ENDING]: 0 }, [ENDING]: { [PIECE]: 0 } };
    const told: number[] = [];
    const { ids, nfe } = await write([STOP, ...new Array<number>(12).fill(MASK)], { after, onStep: ({ step }) => told.push(step) });
    expect(ids).toEqual([STOP, FIRST, ...Array.from({ length: 11 }, (_, i) => (i % 2 === 0 ? PIECE : ENDING))]);
    expect([nfe, told]).toEqual([12, Array.from({ length: 12 }, (_, i) => i + 1)]);
  });

  it('is written anew at the end of a gap, unless the text behind the gap goes on with it', async () => {
    expect((await write([STOP, MASK, MASK, STOP])).ids).toEqual([STOP, SECOND, STOP, STOP]);
    expect((await write([STOP, MASK, MASK, ENDING])).ids).toEqual([STOP, FIRST, PIECE, ENDING]);
    // Another gap begins with another word.
    expect((await write([STOP, MASK, MASK, STOP, MASK, MASK])).ids).toEqual([STOP, SECOND, STOP, STOP, SECOND, STOP]);
  });

  it('is the last one after four others at its place', async () => {
    const same = Object.fromEntries(Array.from({ length: V }, (_, id) => [id, { [PIECE]: 0 }]));
    const after = { ...same, [STOP]: { [FIRST]: 9, 6: 8, 7: 7, 8: 6, 9: 5, 10: 4 }, [PIECE]: { [STOP]: 9 } };
    const { ids, nfe } = await write(BEGINNING, { after });
    expect([ids, nfe]).toEqual([[STOP, 9, PIECE, STOP], 15]);
  });
});

it('takes the chance that the word ends into account', async () => {
  // The piece is nearly sure, and would go on: an end there has a chance of 0.1.
  const after = { ...AFTER, [FIRST]: { [PIECE]: 9 }, [PIECE]: { [ENDING]: 5, [STOP]: 2.5 }, [ENDING]: { [STOP]: 9 } };
  const options = { after, temperature: 1, topK: 2 };
  const texts = await Promise.all(Array.from({ length: 60 }, (_, seed) => write([...BEGINNING, MASK], { ...options, seed })));
  const firsts = texts.map(({ ids }) => ids.slice(1, 4).join());
  expect(firsts).toContain([FIRST, PIECE, ENDING].join());
  expect(firsts).not.toContain([FIRST, PIECE, STOP].join());
  const free = await Promise.all(Array.from({ length: 60 }, (_, seed) => write([...BEGINNING, MASK], { ...options, seed, wordGuard: 0 })));
  expect(free.map(({ ids }) => ids.slice(1, 4).join())).toContain([FIRST, PIECE, STOP].join());
});

it('gives a canvas what it would get alone, whatever its batch mates take back', async () => {
  const canvases = [BEGINNING, [STOP, SECOND, MASK, MASK, MASK], [STOP, ...new Array<number>(9).fill(MASK)]].map((ids) =>
    Int32Array.from(ids),
  );
  const common = {
    maskId: MASK,
    denoiser: denoiserOf(AFTER),
    sampler: sampler('first_hitting'),
    options: { letters, wordGuard: 1, blockLength: 1, temperature: 0.9 },
  };
  const batch = await denoiseBatch({ ...common, canvases, seed: 7 });
  expect(batch.some(({ nfe, steps }) => nfe > steps)).toBe(true);
  for (const [i, canvas] of canvases.entries()) expect(batch[i]).toEqual(await denoise({ ...common, canvas, rng: stream(7 + i) }));
});
