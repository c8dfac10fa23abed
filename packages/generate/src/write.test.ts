import { afterAll, describe, expect, it } from 'vitest';
import type { Step } from './fill.js';
import { fixture } from './fixture.test.util.js';
import { generate } from './generate.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';

const shifted = await loadModel(fixture('shifted'));
afterAll(() => shifted.close());

/** The model, and the canvases that it sees. */
function watched(): { model: Model; canvases: Int32Array[] } {
  const canvases: Int32Array[] = [];
  const denoise: Model['denoise'] = (rows) => {
    canvases.push(...rows.map(({ canvas }) => canvas.slice()));
    return shifted.denoise(rows);
  };
  return { model: { ...shifted, denoise, openFilling: undefined }, canvases };
}

describe('the length of the canvas does not decide the length of the text', () => {
  it('the model sees masks behind all that is filled', async () => {
    const { model, canvases } = watched();
    const { texts } = await generate(model, { maxTokens: 8, seed: 1, n: 4 });
    for (const canvas of canvases) expect(canvas.slice(9)).toEqual(new Int32Array(7).fill(shifted.config.mask_token_id));
    for (const { tokens, finish } of texts) expect(finish).toBe(tokens < 8 ? 'stop' : 'length');
  });

  it('a text that is cut is the beginning of the longer one, when nothing but the limit differs', async () => {
    const options = { seed: 5, blockLength: 1, temperature: 0 } as const;
    const [short] = (await generate(shifted, { ...options, maxTokens: 6 })).texts;
    const [long] = (await generate(shifted, { ...options, maxTokens: 12 })).texts;
    expect(long!.text.startsWith(short!.text)).toBe(true);
    expect(short).toMatchObject({ tokens: 6, finish: 'length' });
  });
});

// The model sees 31 tokens at once.
describe('a text longer than the model', () => {
  it('goes on to maxTokens, and says that it was cut', async () => {
    const { model, canvases } = watched();
    const { texts } = await generate(model, { prompt: 'Call me', maxTokens: 80, minLength: 32, seed: 2, n: 3 });
    for (const { text, tokens, finish } of texts) {
      expect(text).toMatch(/^Call me/);
      expect(tokens).toBeLessThanOrEqual(80);
      expect(finish).toBe(tokens < 80 ? 'stop' : 'length');
      expect(tokens).toBeGreaterThanOrEqual(30);
    }
    for (const canvas of canvases) expect(canvas.length).toBeLessThanOrEqual(shifted.config.max_seq_len);
  });

  it('the context is the end of what stands, and starts with a word', async () => {
    const { model, canvases } = watched();
    const steps: Step[] = [];
    const { texts } = await generate(model, {
      prompt: 'The whale and the sea. ',
      maxTokens: 60,
      minLength: 32,
      seed: 3,
      onStep: (step) => steps.push({ ...step, canvas: step.canvas.slice() }),
    });
    const whole = [...shifted.tokenizer.encode(texts[0]!.text)];
    const moved = steps.filter(({ dropped }) => dropped > 0);
    expect(moved.length).toBeGreaterThan(0);
    for (const { canvas, dropped, offset, commits } of moved) {
      const known = [...canvas.subarray(offset)].map((id, i) => [id, whole[dropped + i]] as const);
      for (const [id, token] of known.filter(([id, token]) => id > 4 && token !== undefined)) expect(id).toBe(token);
      expect(shifted.tokenizer.decode([canvas[offset]!])).toMatch(/^[ A-Z]/);
      for (const { position } of commits) expect(position).toBeGreaterThanOrEqual(offset);
    }
    for (const canvas of canvases) expect(canvas[0]).toBe(shifted.config.bos_token_id);
  });

  it('is the same alone and beside other texts, and for the same seed', async () => {
    const options = { maxTokens: 70, sampler: 'confidence', temperature: 1, numSteps: 6 } as const;
    const together = await generate(shifted, { ...options, n: 3, seed: 10 });
    const alone = await generate(shifted, { ...options, n: 1, seed: 12 });
    expect(together.texts[2]).toEqual(alone.texts[0]);
  });

  it('ends at a stop string in a later section', async () => {
    const options = { prompt: 'Call', maxTokens: 70, seed: 4, minLength: 31 } as const;
    const [whole] = (await generate(shifted, options)).texts;
    const word = whole!.completion.split(' ').at(-1)!;
    const [cut] = (await generate(shifted, { ...options, stop: [word] })).texts;
    expect(cut).toMatchObject({ completion: whole!.completion.slice(0, whole!.completion.indexOf(word)), finish: 'stop' });
  });
});
