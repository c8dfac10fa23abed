import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Denoiser, type StepEvent, denoise, denoiseBatch } from './denoise.js';
import type { SamplingOptions } from './options.js';
import { stream } from './random.js';
import type { Commit, SamplerName } from './sampler.js';
import { sampler, samplers } from './samplers.js';

const MASK = 0;
const EOS = 3;
const SPECIAL = [1, 2, 4];
const V = 16;
const names = Object.keys(samplers) as SamplerName[];

/** Every way to fill a canvas that the README names. */
const strategies: [string, SamplerName, Partial<SamplingOptions>][] = [
  ...names.map((name): [string, SamplerName, Partial<SamplingOptions>] => [name, name, {}]),
  ['semi-autoregressive blocks', 'confidence', { blockLength: 3 }],
  ['remasking (ReMDM)', 'ancestral', { remasking: 0.5 }],
  ['early commit (Prophet)', 'margin', { earlyCommit: true }],
];

/** Logits that look random and depend on the whole canvas and on the position, as a network's do; special ids have large ones. */
const fake: Denoiser = (rows) => {
  const out: number[] = [];
  for (const { canvas, positions } of rows) {
    let hash = 7;
    for (const id of canvas) hash = (Math.imul(hash, 31) + id) | 0;
    for (const p of positions)
      for (let v = 0; v < V; v++) out.push(SPECIAL.includes(v) || v === MASK ? 20 : 4 * Math.sin(Math.imul(hash, 17 + v) + p * (v + 3)));
  }
  return Float32Array.from(out);
};

/** The same logits everywhere. */
const flat =
  (logits: readonly number[]): Denoiser =>
  (rows) =>
    Float64Array.from(rows.flatMap(({ positions }) => Array.from(positions).flatMap(() => logits)));

const masks = (n: number) => new Int32Array(n).fill(MASK);
const run = (
  name: SamplerName,
  canvas: Int32Array,
  options: Partial<SamplingOptions> = {},
  denoiser = fake,
  onStep?: (e: StepEvent) => void,
) =>
  denoise({ canvas, maskId: MASK, denoiser, sampler: sampler(name), options: { forbidden: SPECIAL, ...options }, rng: stream(1), onStep });

it.each(strategies)(
  '%s: commits name the likeliest tokens of their places where the caller asks, and write the same',
  async (_, name, options) => {
    const commits: Commit[] = [];
    const withThem = await run(
      name,
      masks(8),
      { ...options, alternatives: 3, temperature: 0.7 },
      fake,
      (event) => void commits.push(...event.commits),
    );
    expect(withThem).toEqual(await run(name, masks(8), { ...options, temperature: 0.7 }));
    for (const { token, probability, alternatives } of commits) {
      expect(alternatives!.map((one) => one.probability)).toEqual([...alternatives!].map((one) => one.probability).sort((a, b) => b - a));
      const same = alternatives!.find((one) => one.token === token);
      if (same) expect(same.probability).toBeCloseTo(probability, 12);
      else expect(probability).toBeLessThanOrEqual(alternatives!.at(-1)!.probability);
    }
  },
);

const arbitraryCanvas = fc
  .array(fc.oneof(fc.constant(MASK), fc.integer({ min: 5, max: V - 1 })), { minLength: 1, maxLength: 24 })
  .map((ids) => Int32Array.from(ids));
const arbitraryOptions: fc.Arbitrary<Partial<SamplingOptions>> = fc.record({
  numSteps: fc.integer({ min: 1, max: 30 }),
  schedule: fc.constantFrom('linear', 'cosine', 'constant'),
  temperature: fc.constantFrom(0, 0.7, 1.5),
  topK: fc.constantFrom(null, 1, 5),
  topP: fc.constantFrom(null, 0.5, 0.9),
  repetitionPenalty: fc.constantFrom(1, 1.5),
  blockLength: fc.constantFrom(null, 1, 4),
  threshold: fc.constantFrom(0.1, 0.9),
  gamma: fc.constantFrom(0, 1),
  earlyCommit: fc.boolean(),
  eosId: fc.constantFrom(null, EOS),
  minLength: fc.constantFrom(0, 5),
});

describe.each(strategies)('%s', (_, name, fixed) => {
  it('leaves no mask, never produces a forbidden id, never changes a prompt, and keeps to numSteps', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryCanvas, arbitraryOptions, fc.constantFrom(0, 0.5), async (canvas, options, remasking) => {
        const before = canvas.slice();
        const result = await run(name, canvas, { ...options, remasking: name === 'ancestral' ? remasking : 0, ...fixed });
        expect(canvas).toEqual(before);
        result.canvas.forEach((id, p) => {
          if (before[p] !== MASK) expect(id).toBe(before[p]);
          else expect(id === MASK || SPECIAL.includes(id)).toBe(false);
        });
        if (samplers[name].paced) expect(result.steps).toBeLessThanOrEqual(options.numSteps!);
        if (name !== 'ancestral' || (fixed.remasking ?? remasking) === 0)
          expect(result.nfe).toBeLessThanOrEqual(before.filter((id) => id === MASK).length);
        expect(result.nfe).toBeLessThanOrEqual(result.steps);
        if (result.end !== null) {
          expect(result.canvas[result.end]).toBe(EOS);
          expect(result.end).toBeGreaterThanOrEqual(options.minLength!);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('gives a canvas what it would get alone, whatever its batch mates', async () => {
    const canvases = [masks(12), Int32Array.of(5, 6, 0, 0, 7), masks(3), Int32Array.of(9)];
    const common = {
      maskId: MASK,
      denoiser: fake,
      sampler: sampler(name),
      options: { forbidden: SPECIAL, numSteps: 6, repetitionPenalty: 1.2, ...fixed },
    };
    const batch = await denoiseBatch({ ...common, canvases, seed: 40 });
    for (const [i, canvas] of canvases.entries()) expect(batch[i]).toEqual(await denoise({ ...common, canvas, rng: stream(40 + i) }));
    expect(batch).toEqual(await denoiseBatch({ ...common, canvases, seed: 40 }));
    expect(await denoiseBatch({ ...common, canvases, seed: 44 })).not.toEqual(batch);
  });
});

describe.each(strategies)('%s at temperature 0', (_, name, fixed) => {
  it('draws nothing from the seed, the order neither', async () => {
    const common = {
      maskId: MASK,
      denoiser: fake,
      sampler: sampler(name),
      options: { temperature: 0, numSteps: 6, forbidden: SPECIAL, ...fixed },
    };
    const orders = [0, 1].map(() => [] as number[]);
    const [first, second] = await Promise.all(
      [1, 4294967295].map((seed, i) =>
        denoiseBatch({
          ...common,
          canvases: [masks(12)],
          seed,
          onStep: ({ commits }) => orders[i]!.push(...commits.map(({ position }) => position)),
        }),
      ),
    );
    expect([first, orders[0]]).toEqual([second, orders[1]]);
  });
});

describe.each(strategies)('%s under constraints', (_, name, fixed) => {
  it('keeps to the token sets of its positions, and ends no text before the last of them', async () => {
    const ids = fc.uniqueArray(fc.integer({ min: 5, max: V - 1 }), { minLength: 1, maxLength: 4 }).map((list) => Int32Array.from(list));
    const sets = fc.dictionary(
      fc.integer({ min: 0, max: 11 }).map(String),
      fc.oneof(fc.record({ allow: ids }), fc.record({ forbid: ids })),
    );
    await fc.assert(
      fc.asyncProperty(sets, arbitraryOptions, async (chosen, options) => {
        const constraints = new Map(Object.entries(chosen).map(([p, set]) => [Number(p), set]));
        const canvas = masks(12);
        const common = { maskId: MASK, denoiser: fake, sampler: sampler(name), options: { ...options, forbidden: SPECIAL, ...fixed } };
        const result = await denoise({ ...common, canvas, constraints, rng: stream(1) });
        for (const [p, set] of constraints) {
          if ('allow' in set) expect(Array.from(set.allow)).toContain(result.canvas[p]);
          else if (result.end === null || p <= result.end) expect(Array.from(set.forbid)).not.toContain(result.canvas[p]);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('confidence', () => {
  it.each([
    ['linear', [75, 50, 25, 0]],
    ['cosine', [92, 70, 38, 0]],
    ['constant', [31, 10, 3, 0]],
  ] as const)('finishes in exactly n steps, leaving the %s numbers', async (schedule, expected) => {
    const left: number[] = [];
    const { nfe, steps } = await run('confidence', masks(100), { numSteps: 4, schedule }, fake, (e) =>
      left.push(e.canvas.filter((id) => id === MASK).length),
    );
    expect([left, nfe, steps]).toEqual([expected, 4, 4]);
  });

  it('commits the most probable drawn tokens, at temperature 1', async () => {
    const sharp = [0.5, 3, 1, 2]; // how sure each position is of token 5 + p
    const denoiser: Denoiser = ([row]) =>
      Float64Array.from(Array.from(row!.positions).flatMap((p) => Array.from({ length: V }, (_, v) => (v === 5 + p ? sharp[p]! : 0))));
    const order: number[] = [];
    const result = await run('confidence', masks(4), { temperature: 0 }, denoiser, (e) => order.push(...e.commits.map((c) => c.position)));
    expect(order).toEqual([1, 3, 2, 0]);
    expect(Array.from(result.canvas)).toEqual([5, 6, 7, 8]);
  });
});

describe('the other ranked samplers', () => {
  // three near-certain positions, one with two likely tokens, one undecided
  const table = [
    [12, 0, 0, 0],
    [0, 11, 0, 0],
    [5, 5, 0, 0],
    [0, 0, 10, 0],
    [0, 0, 0, 0],
  ];
  const denoiser: Denoiser = ([row]) => Float64Array.from(Array.from(row!.positions).flatMap((p) => [-9, ...table[p]!]));
  const commits = async (name: SamplerName, options: Partial<SamplingOptions> = {}) => {
    const out: number[][] = [];
    await run(name, masks(5), { forbidden: [], temperature: 0, numSteps: 5, ...options }, denoiser, (e) =>
      out.push(e.commits.map((c) => c.position)),
    );
    return out;
  };

  it('threshold commits all that are sure, and at least as many as the schedule says', async () => {
    expect(await commits('threshold', { threshold: 0.9 })).toEqual([[0, 1, 3], [2], [4]]);
    expect(await commits('threshold', { threshold: 1 })).toEqual([[0], [1], [3], [2], [4]]);
  });

  it('margin puts a tie of two tokens behind', async () => {
    expect((await commits('margin')).flat()).toEqual([0, 1, 3, 2, 4]);
    // two likely tokens: probability .5 each but margin 0, behind a position of margin 1e-3
    table[4] = [0.01, 0, 0, 0];
    expect((await commits('margin')).flat()).toEqual([0, 1, 3, 4, 2]);
    expect((await commits('confidence')).flat()).toEqual([0, 1, 3, 2, 4]);
    table[4] = [0, 0, 0, 0];
  });

  it('entropy commits the longest prefix within the budget', async () => {
    // entropies rise: 2e-4, 5e-4, 1e-3 (positions 0, 1, 3), .76 (2), 1.39 (4); the largest of a prefix is free
    expect(await commits('entropy', { gamma: 0.1 })).toEqual([[0, 1, 3, 2], [4]]);
    expect(await commits('entropy', { gamma: 1 })).toEqual([[0, 1, 3, 2, 4]]);
    expect(await commits('entropy', { gamma: 0 })).toEqual([[0], [1], [3], [2], [4]]);
  });
});

describe('denoise', () => {
  it('penalises repetition within a step', async () => {
    const logits = Array.from({ length: V }, (_, v) => (v === 5 ? 3 : v === 6 ? 2.5 : v === 7 ? 2 : 0));
    const options = { temperature: 0, numSteps: 1, repetitionPenalty: 4 };
    for (const name of ['confidence', 'margin', 'ancestral'] as const) {
      const result = await run(name, masks(5), options, flat(logits));
      expect(Array.from(result.canvas)).toEqual([5, 6, 7, 5, 5]); // ln 4 = 1.39 puts a seen 5 (1.61) between 7 and the rest
    }
  });

  it('redraws a repeated token from the penalised distribution', async () => {
    const logits = [-Infinity, 0, 0, 1];
    const pairs = new Float64Array(9);
    const results = await denoiseBatch({
      canvases: Array.from({ length: 5000 }, () => masks(2)),
      seed: 9,
      maskId: MASK,
      denoiser: flat(logits),
      sampler: sampler('confidence'),
      options: { numSteps: 1, repetitionPenalty: 3 },
    });
    for (const { canvas } of results) pairs[(canvas[0]! - 1) * 3 + canvas[1]! - 1]!++;
    // Both are drawn from w = (1, 1, e)/(2 + e); the more probable one stands (ties: the left), the other is penalised by it.
    const w = [1, 1, Math.E].map((x) => x / (2 + Math.E));
    const after = (seen: number, token: number) =>
      w[token]! / (token === seen ? 3 : 1) / w.reduce((sum, x, id) => sum + x / (id === seen ? 3 : 1), 0);
    const law = new Float64Array(9);
    for (let a = 0; a < 3; a++) {
      for (let b = 0; b < 3; b++) {
        const leftFirst = w[a]! >= w[b]!;
        if (a !== b) law[a * 3 + b]! += w[a]! * w[b]!;
        else {
          law[a * 3 + a]! += (w[a]! * w[a]!) / 3;
          for (let c = 0; c < 3; c++) law[leftFirst ? a * 3 + c : c * 3 + b]! += (w[a]! * w[a]! * 2 * after(a, c)) / 3;
        }
      }
    }
    const deviations = Array.from(law, (p, i) => Math.abs(pairs[i]! - 5000 * p) / Math.sqrt(5000 * p * (1 - p)));
    expect(Math.max(...deviations)).toBeLessThan(4.5); // of 9 standard normals, once in 16,000 tries
  });

  it('ends the text at a committed end, and generates nothing after it', async () => {
    // position 2 is sure of the end of text; the others are not
    const denoiser: Denoiser = ([row]) =>
      Float64Array.from(
        Array.from(row!.positions).flatMap((p) => Array.from({ length: V }, (_, v) => (v === EOS ? (p === 2 ? 9 : -9) : v === 5 ? 1 : 0))),
      );
    const { canvas, end, nfe } = await run('confidence', masks(10), { eosId: EOS, temperature: 0, numSteps: 10 }, denoiser);
    expect([Array.from(canvas), end, nfe]).toEqual([[5, 5, EOS, ...new Array<number>(7).fill(EOS)], 2, 3]);
    const later = await run('confidence', masks(10), { eosId: EOS, minLength: 5, temperature: 0, numSteps: 10 }, denoiser);
    expect([later.end, later.canvas.includes(EOS)]).toEqual([null, false]);
  });

  it('does not take an end of text in the prompt for the end', async () => {
    const { canvas, end } = await run(
      'confidence',
      Int32Array.of(5, EOS, 0, 0),
      { eosId: EOS },
      flat(Array.from({ length: V }, (_, v) => (v === 6 ? 50 : 0))),
    );
    expect([Array.from(canvas), end]).toEqual([[5, EOS, 6, 6], null]);
  });

  it('fills blocks from left to right', async () => {
    const seen: number[][] = [];
    await run('confidence', masks(6), { blockLength: 2, numSteps: 6 }, fake, (e) =>
      seen.push(e.commits.map((c) => Math.floor(c.position / 2))),
    );
    expect(seen.flat()).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it.each([
    [8, 1],
    [6, 2],
    [3, 3],
    [2, 4],
  ])('commits early from a mean gap of %s on at the right third of the steps', async (gap, nfe) => {
    const logits = Array.from({ length: V }, (_, v) => (v === 5 ? gap : v < 5 ? -99 : 0));
    const result = await run('confidence', masks(6), { earlyCommit: true, numSteps: 3, temperature: 0 }, flat(logits));
    expect(result.nfe).toBe(Math.min(nfe, 3));
    expect((await run('confidence', masks(6), { earlyCommit: true, numSteps: 6, temperature: 0 }, flat(logits))).nfe).toBe(
      [0, 1, 3, 5, 6][nfe],
    );
  });

  it('computes equal canvases once', async () => {
    const rows: number[] = [];
    const counted: Denoiser = (asked) => {
      rows.push(asked.length);
      return fake(asked);
    };
    const common = { maskId: MASK, denoiser: counted, sampler: sampler('first_hitting'), options: { forbidden: SPECIAL } };
    const canvases = [masks(5), masks(5), masks(5)];
    await denoiseBatch({ ...common, canvases, seed: 1 });
    expect(rows[0]).toBe(1);
    expect(rows.at(-1)).toBe(3);
    rows.length = 0;
    await denoiseBatch({ ...common, canvases, seed: 1, options: { temperature: 0 } });
    expect(rows).toEqual([1, 1, 1, 1, 1]);
  });

  it('does not call the denoiser for a step that reveals nothing', async () => {
    const { steps, nfe } = await run('ancestral', masks(3), { numSteps: 200 });
    expect(nfe).toBeLessThanOrEqual(3);
    expect(steps).toBeGreaterThan(nfe);
  });

  it('keeps the mask ratio of the schedule with remasking', async () => {
    const left = new Float64Array(8);
    let remasked = 0;
    const rows = 400;
    await denoiseBatch({
      canvases: Array.from({ length: rows }, () => masks(20)),
      seed: 0,
      maskId: MASK,
      denoiser: fake,
      sampler: sampler('ancestral'),
      options: { numSteps: 8, remasking: 0.4 },
      onStep(e) {
        left[e.step - 1]! += e.canvas.filter((id) => id === MASK).length / rows;
        remasked += e.remasked.length;
      },
    });
    // ReMDM keeps the marginals: each position is masked with probability 1 − k/8; 5 standard errors of a mean of 8000 positions
    left.forEach((n, k) => expect(Math.abs(n / 20 - (1 - (k + 1) / 8))).toBeLessThan(5 * Math.sqrt(0.25 / (20 * rows))));
    expect(remasked).toBeGreaterThan(0);
  });

  it('returns a canvas without masks as it is, without calling the denoiser', async () => {
    const denoiser: Denoiser = () => {
      throw new Error('called');
    };
    expect(await run('confidence', Int32Array.of(5, 6), {}, denoiser)).toEqual({
      canvas: Int32Array.of(5, 6),
      end: null,
      steps: 0,
      nfe: 0,
    });
    expect(await denoiseBatch({ canvases: [], seed: 0, maskId: MASK, denoiser, sampler: sampler('confidence') })).toEqual([]);
  });

  it('stops when told to', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let calls = 0;
    const denoiser: Denoiser = (rows) => {
      if (++calls === 2) controller.abort(reason);
      return fake(rows);
    };
    const promise = denoise({
      canvas: masks(10),
      maskId: MASK,
      denoiser,
      sampler: sampler('confidence'),
      rng: stream(0),
      signal: controller.signal,
    });
    await expect(promise).rejects.toBe(reason);
    expect(calls).toBe(2);
  });

  it('names what is wrong', async () => {
    await expect(run('confidence', masks(3), { remasking: 0.1 })).rejects.toThrow(
      'expected 0 unless the sampler is ancestral (it is confidence), got 0.1',
    );
    await expect(run('confidence', masks(3), {}, () => new Float32Array(7))).rejects.toThrow(
      'expected logits of 3 positions, all of one size, got 7 numbers',
    );
    await expect(run('confidence', masks(3), {}, flat([NaN, NaN, NaN]))).rejects.toThrow(expect.objectContaining({ code: 'MDIFF_LOGITS' }));
    const nothing = { canvas: masks(3), maskId: MASK, denoiser: fake, sampler: sampler('confidence'), rng: stream(0) };
    const constraints = new Map([
      [1, { allow: Int32Array.of(EOS, 5), forbid: Int32Array.of(5) }],
      [2, { allow: Int32Array.of(6) }],
    ]);
    await expect(denoise({ ...nothing, constraints, options: { eosId: EOS } })).rejects.toThrow(
      'constraints of position 1: no token is left; allow an id that is neither forbidden',
    );
    expect(() => sampler('greedy')).toThrow(
      'expected one of ancestral, first_hitting, confidence, margin, entropy, threshold, causal, got "greedy"',
    );
  });
});
