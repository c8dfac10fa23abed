import { modelConfig } from '@mdiff/config';
import { assemble, packRows } from '@mdiff/curriculum';
import { sha256 } from '@mdiff/folder/node';
import { layout as layoutOf } from '@mdiff/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOnnxRuntime } from '@mdiff/engine';
import type { Engine, StepBatch, Update } from '@mdiff/engine';
import { tinyModel } from './tiny.test.util.js';
import { causalStep, maskedStep } from './objective.js';

const model = modelConfig({ ...tinyModel, vocab_size: 300 });
const shape = { length: 24, shiftHead: true };
const rows = packRows(
  Array.from({ length: 8 }, (_, id) => ({
    id,
    tokens: Int32Array.from({ length: 5 + id }, (_, i) => 5 + ((31 * id + 7 * i) % 290)),
    bytes: 10,
    section: 0,
    kind: 'prose' as const,
  })),
  shape,
).rows;
const clean = [assemble(rows.slice(0, 3), 3, shape), assemble(rows.slice(3, 6), 3, shape)];
const noised = maskedStep(clean, {
  seed: 1,
  step: 0,
  range: [0.3, 0.7],
  fullRangeFraction: 0,
  training: { time_sampling: 'low_discrepancy', mask_sampling: 'exact_count', loss_weighting: 'elbo', complementary_masks: false },
  shiftHead: true,
});
const update: Update = { lr: 0.01, step: 1, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, clip: 1, ema: 0 };
const open = (labelSmoothing = 0): Promise<Engine> => openOnnxRuntime({ model, threads: 1, labelSmoothing, seed: 5 });

let engine: Engine;
let start: Awaited<ReturnType<Engine['read']>>;
beforeAll(async () => {
  engine = await open();
  start = await engine.read();
});
afterAll(() => engine.close());
const reset = (): Promise<void> => engine.load({ params: start.params.slice(), m: start.m.slice(), v: start.v.slice() });

describe('the ONNX Runtime engine', () => {
  it('has the layout of the model', () => expect(engine.layout).toEqual(layoutOf(model)));

  it('is deterministic, and learns', async () => {
    const losses: number[][] = [];
    for (let run = 0; run < 2; run++) {
      await reset();
      const own: number[] = [];
      for (let step = 1; step <= 30; step++) own.push((await engine.step(noised, { ...update, step })).loss);
      losses.push(own);
    }
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[0]!.at(-1)).toBeLessThan(losses[0]![0]! - 1);
  });

  it('gives the fused step in two halves: grads for each batch, then apply', async () => {
    await reset();
    const fused = await engine.step(noised, update);
    const after = await engine.read();
    await reset();
    let loss = 0;
    for (const batch of noised) loss += (await engine.grads(batch)).loss;
    expect({ loss, ...(await engine.apply(update)) }).toEqual(fused);
    expect((await engine.read()).params).toEqual(after.params);
  });

  it('accumulates: two batches of three rows equal one of six', async () => {
    const six = assemble(rows.slice(0, 6), 6, shape);
    await reset();
    const whole = await engine.step(causalStep([six]), update);
    const wholeParams = (await engine.read()).params;
    await reset();
    const parts = await engine.step(causalStep(clean), update);
    // Sums in another order: float32 rounding of a loss near 5.7 and a norm near 1.
    expect(parts.loss).toBeCloseTo(whole.loss, 5);
    expect(parts.gradNorm).toBeCloseTo(whole.gradNorm, 4);
    const params = (await engine.read()).params;
    let apart = 0;
    params.forEach((value, i) => (apart = Math.max(apart, Math.abs(value - wholeParams[i]!))));
    // Adam's first step is lr·sign(g), so a gradient that is zero up to rounding can differ by up to 2·lr; none does by more.
    expect(apart).toBeLessThanOrEqual(0.0201);
  });

  it('evaluates what it trains on: the mean of the rows is the loss', async () => {
    await reset();
    const [batch] = causalStep([clean[0]!]);
    const ce = await engine.evaluate(batch!);
    const { loss } = await engine.grads(batch!);
    await engine.apply({ ...update, lr: 0 });
    expect(ce.length).toBe(batch!.rows.length);
    expect(ce.reduce((a, b) => a + b, 0) / ce.length).toBeCloseTo(loss, 5); // float32 sums
  });

  it('evaluates the averaged weights where there are any', async () => {
    await reset();
    const [batch] = causalStep([clean[0]!]);
    const before = await engine.evaluate(batch!);
    await engine.step(noised, { ...update, ema: 0.999999 });
    const { params, ema } = await engine.read();
    expect(ema).not.toEqual(params);
    const after = await engine.evaluate(batch!);
    after.forEach((value, i) => expect(value).toBeCloseTo(before[i]!, 3)); // the average has hardly moved
    await reset();
  });

  it('drops where it is told to, from the seed and the step', async () => {
    await reset();
    const dropping = await openOnnxRuntime({
      model: modelConfig({ ...tinyModel, dropout: 0.5, attention_dropout: 0.5 }),
      threads: 1,
      labelSmoothing: 0,
      seed: 5,
    });
    const loss = async (step: number, rate: number, attention: number): Promise<number> => {
      const batch: StepBatch = { ...noised[0]!, dropout: { seed: 1, step, pass: 0, rate, attention } };
      const { loss: value } = await dropping.grads(batch);
      await dropping.apply({ ...update, lr: 0 });
      return value;
    };
    try {
      const plain = await loss(0, 0, 0);
      expect(await loss(0, 0.5, 0)).not.toBe(plain);
      expect(await loss(0, 0, 0.5)).not.toBe(plain);
      expect(await loss(0, 0.5, 0)).toBe(await loss(0, 0.5, 0));
      expect(await loss(1, 0.5, 0)).not.toBe(await loss(0, 0.5, 0));
    } finally {
      await dropping.close();
    }
  });

  it('smooths targets in training only', async () => {
    await reset();
    const smooth = await open(0.2);
    try {
      expect((await smooth.grads(noised[0]!)).loss).not.toBe((await engine.grads(noised[0]!)).loss);
      await engine.apply({ ...update, lr: 0 });
      await reset();
      expect(await smooth.evaluate(noised[0]!)).toEqual(await engine.evaluate(noised[0]!));
    } finally {
      await smooth.close();
    }
  });

  it('changes nothing on a loss that is not finite', async () => {
    await reset();
    const before = await engine.read();
    const bad = { ...noised[0]!, weights: noised[0]!.weights.map(() => NaN) };
    expect((await engine.step([bad], update)).finite).toBe(false);
    expect(await engine.read()).toEqual(before);
  });

  it('computes in a thread that had another engine as in a new one: to the bit, export included', async () => {
    const results = async (one: Engine): Promise<unknown> => {
      const step = await one.step(noised, update);
      const { params } = await one.read();
      const { model: denoiser, causal } = await one.exportOnnx(params, true);
      return [step, params, await one.evaluate(noised[0]!), sha256(denoiser), sha256(causal!)];
    };
    // Two engines at once have two threads; of those given back, one is kept.
    const [fresh, former] = [
      await open(),
      await openOnnxRuntime({ model: { ...model, n_layers: 2 }, threads: 1, labelSmoothing: 0, seed: 6 }),
    ];
    const expected = await results(fresh);
    await results(former);
    await former.close();
    const reused = await open();
    expect(await results(reused)).toEqual(expected);
    // It traced the passes of the two models, and none of this one's since it was given back.
    expect((await reused.startup()).trace).toBeGreaterThan(0);
    await Promise.all([fresh.close(), reused.close()]);
    const again = await open();
    expect(await results(again)).toEqual(expected);
    expect((await again.startup()).trace).toBe(0);
    await again.close();
  });

  it('refuses a state of another size', async () => {
    await expect(engine.load({ ...start, params: new Float32Array(3) })).rejects.toMatchObject({ code: 'MDIFF_DAMAGED' });
  });
});
