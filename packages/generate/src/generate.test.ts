import { stream } from '@mdiff/diffusion';
import { afterAll, describe, expect, it } from 'vitest';
import { parseGaps, type Part } from './canvas.js';
import type { Step } from './fill.js';
import { fixture } from './fixture.test.util.js';
import { generate } from './generate.js';
import { infill } from './infill.js';
import { loadModel } from './load.js';
import type { Model } from './model.js';

const shifted = await loadModel(fixture('shifted'));
const plain = await loadModel(fixture('plain'));
afterAll(() => Promise.all([shifted.close(), plain.close()]));

describe.each([
  ['shifted', shifted],
  ['plain', plain],
])('generate, %s head', (_, model) => {
  it('writes text of its own, ends at [EOS] and produces no reserved token', async () => {
    // The fixture gives [MASK], [PAD], [BOS] and [SEP] the largest logits by far.
    const { texts, promptTokens } = await generate(model, { n: 4, seed: 1 });
    expect(promptTokens).toBe(0);
    for (const { text, completion, finish, tokens } of texts) {
      expect(text).toMatch(/^(The|Call) [A-Za-z. ]+$/);
      expect(completion).toBe(text);
      expect(['stop', 'length']).toContain(finish);
      expect(model.tokenizer.encode(text)).toHaveLength(tokens);
    }
    // After a full stop [EOS] is one of two likely tokens, so some text ends before the window does.
    const many = (await generate(model, { n: 16, seed: 1 })).texts;
    expect(Math.min(...many.map(({ tokens }) => tokens))).toBeLessThan(30);
    expect(many.map(({ finish }) => finish)).toContain('stop');
  });

  it('continues a prompt and keeps it as it is', async () => {
    for (const prompt of ['Call', 'Call ', 'Call  ', 'Call me Ishmael.', '[MASK] the', 'naïve 鯨 the', ' ', '\n']) {
      const { texts } = await generate(model, { prompt, n: 3, seed: 7 });
      for (const { text, completion } of texts) {
        expect(text).toBe(prompt + completion);
      }
    }
  });

  it('brings back the space that a prompt ends in, once', async () => {
    const { texts } = await generate(model, { prompt: 'Call ', temperature: 0 });
    expect(texts[0]!.text).toMatch(/^Call me Ishmael\./);
    expect((await generate(model, { prompt: 'Call', temperature: 0 })).texts[0]!.text).toBe(texts[0]!.text);
  });

  it('fills the gap before a suffix, with as many tokens as read best', async () => {
    const { texts } = await generate(model, { prompt: 'Call me', suffix: ' the whale.', maxTokens: 3, n: 4, seed: 3 });
    for (const { text, tokens, finish } of texts) {
      expect(text).toMatch(/^Call me .+ the whale\.$/);
      expect(tokens).toBeLessThanOrEqual(3);
      expect(finish).toBe(tokens < 3 ? 'stop' : 'length');
    }
  });
});

describe('generate', () => {
  it('gives the same text for the same seed, alone and beside other texts', async () => {
    for (const sampler of ['ancestral', 'first_hitting', 'confidence', 'margin', 'entropy', 'threshold'] as const) {
      const together = await generate(shifted, { sampler, n: 4, seed: 10, temperature: 1, numSteps: 6 });
      const alone = await generate(shifted, { sampler, n: 1, seed: 12, temperature: 1, numSteps: 6 });
      expect(together.texts[2]).toEqual(alone.texts[0]);
      expect(new Set(together.texts.map(({ text }) => text)).size).toBeGreaterThan(1);
    }
  });

  it('samples in turns when memory does not hold all texts at once, with the same result', async () => {
    // 17 masks of a vocabulary of 2^18 leave room for one text at a time.
    const wide: Model = {
      ...shifted,
      config: { ...shifted.config, vocab_size: 2 ** 18 },
      denoise: async (rows) => widen(await shifted.denoise(rows)),
      openFilling: undefined,
    };
    const widen = (logits: Float32Array) => {
      const size = shifted.config.vocab_size;
      const out = new Float32Array((logits.length / size) * 2 ** 18).fill(-Infinity);
      for (let m = 0; m * size < logits.length; m++) out.set(logits.subarray(m * size, (m + 1) * size), m * 2 ** 18);
      return out;
    };
    const options = { n: 3, seed: 5, maxTokens: 16, sampler: 'ancestral', numSteps: 1 } as const;
    const rows: number[] = [];
    const turns = await generate(wide, { ...options, onStep: ({ row }) => rows.push(row) });
    expect(turns).toEqual(await generate(shifted, options));
    expect(rows).toEqual([0, 1, 2]);
  });

  it('obeys maxTokens, maxLength and minLength', async () => {
    for (const { tokens } of (await generate(shifted, { maxTokens: 5, n: 8, seed: 2 })).texts) expect(tokens).toBeLessThanOrEqual(5);
    // A window of 10 tokens, of which the prompt takes 2 and [EOS] one.
    for (const { tokens } of (await generate(shifted, { prompt: 'Call me', maxLength: 10, n: 8, seed: 2 })).texts)
      expect(tokens).toBeLessThanOrEqual(7);
    for (const { tokens } of (await generate(shifted, { minLength: 25, n: 16, seed: 1 })).texts) expect(tokens).toBeGreaterThanOrEqual(25);
  });

  it('says whether the text or the window ended', async () => {
    // 31 tokens are asked for and [EOS] is forbidden before them, so the window ends first.
    const [cut] = (await generate(shifted, { minLength: 31 })).texts;
    expect(cut).toMatchObject({ finish: 'length', tokens: 31 });
    // An [EOS] in the last mask is what every canvas ends in, whatever the text: no end of its own.
    const { texts } = await generate(shifted, { maxTokens: 24, n: 16, seed: 1 });
    for (const { tokens, finish } of texts) expect(finish).toBe(tokens < 24 ? 'stop' : 'length');
    expect(new Set(texts.map(({ finish }) => finish)).size).toBe(2);
  });

  it('cuts before the first stop string', async () => {
    const [whole] = (await generate(shifted, { temperature: 0 })).texts;
    const [text] = (await generate(shifted, { temperature: 0, stop: [' and', ' whale'] })).texts;
    expect(text!.text).toBe(whole!.text.slice(0, whole!.text.indexOf(' whale')));
    expect(text).toMatchObject({ finish: 'stop', tokens: 1 });
  });

  it('gives each text in pieces, in order, that make its completion', async () => {
    for (const options of [{ blockLength: 4 }, { suffix: ' the whale.' }, { maxTokens: 5, stop: [' sea'] }]) {
      const pieces: string[][] = [[], []];
      const { texts } = await generate(shifted, {
        prompt: 'Call ',
        n: 2,
        seed: 2,
        ...options,
        onText: ({ row, text }) => pieces[row]!.push(text),
      });
      expect(pieces.map((row) => row.join(''))).toEqual(texts.map(({ completion }) => completion));
      if (options.blockLength) expect(Math.min(...pieces.map((row) => row.length))).toBeGreaterThan(1);
    }
  });

  it('takes options that are left out from the model folder', async () => {
    const model: Model = {
      ...shifted,
      generation: { ...shifted.generation, temperature: 0, seed: 9, num_return_sequences: 2, stop: ['.'] },
    };
    const { texts } = await generate(model);
    expect(texts.map(({ seed }) => seed)).toEqual([9, 10]);
    expect(texts[0]!.text).toBe(texts[1]!.text);
    expect(texts[0]!.text).not.toContain('.');
    const [own] = (await generate(model, { n: 1, stop: [], prompt: 'Call me Ishmael' })).texts;
    expect(own!.text).toContain('.');
  });

  it('draws a seed where none is given, and names it', async () => {
    const [first, second] = await Promise.all([generate(shifted), generate(shifted, { seed: null })]);
    expect(first.texts[0]!.seed).not.toBe(second.texts[0]!.seed);
    expect((await generate(shifted, { seed: first.texts[0]!.seed })).texts).toEqual(first.texts);
    const last = 2 ** 32 - 1;
    const { texts } = await generate(shifted, { seed: last, n: 2 });
    expect(texts.map(({ seed }) => seed)).toEqual([last, 0]);
    expect((await generate(shifted, { seed: 0 })).texts[0]!.text).toBe(texts[1]!.text);
  });

  it('favours style tokens and avoids repetition when told to', async () => {
    const count = async (word: string, options: object) =>
      (await generate(shifted, { n: 16, seed: 4, ...options })).texts
        .map(({ text }) => text.split(word).length - 1)
        .reduce((a, b) => a + b);
    expect(await count('swam', { styleTokens: ['swam'], styleStrength: 50 })).toBeGreaterThan(await count('swam', {}));
    expect(await count('whale', { repetitionPenalty: 10 })).toBeLessThan(await count('whale', {}));
  });

  it('fills block by block', async () => {
    const order: number[] = [];
    await generate(shifted, {
      blockLength: 8,
      minLength: 31,
      onStep: ({ commits, dropped, offset }) => order.push(...commits.map(({ position }) => dropped + position - offset)),
    });
    const blocks = order.map((token) => Math.floor(token / 8));
    expect(blocks).toEqual([...blocks].sort((a, b) => a - b));
    expect(new Set(order).size).toBe(31);
  });

  it('stops between two passes when aborted', async () => {
    const controller = new AbortController();
    let steps = 0;
    const reason = new Error('enough');
    const run = generate(shifted, { signal: controller.signal, onStep: () => void (++steps === 3 && controller.abort(reason)) });
    await expect(run).rejects.toBe(reason);
    expect(steps).toBe(3);
  });

  it('refuses what does not fit, in one line', async () => {
    const message = (options: Parameters<typeof generate>[1]) =>
      generate(shifted, options).then(
        () => 'no error',
        (error: Error & { code: string }) => `${error.code} ${error.message}`,
      );
    expect(await message({ prompt: 'whale '.repeat(31) })).toMatch(
      /^MDIFF_GENERATE prompt: expected at most 30 tokens, so that one can be added \(model\.max_seq_len 32\), got \d+; shorten the text$/,
    );
    expect(await message({ prompt: 'Call me Ishmael', maxLength: 3 })).toBe(
      'MDIFF_GENERATE prompt: expected at most 2 tokens, so that one can be added (max_length 3), got 3; shorten the text or raise max_length',
    );
    expect(await message({ maxLength: 33 })).toBe('MDIFF_GENERATE maxLength: expected an integer <= model.max_seq_len (32), got 33');
    expect(await message({ temperature: -1 })).toBe('MDIFF_GENERATE temperature: expected a number >= 0 and <= 10, got -1');
    expect(await message({ n: 1.5 })).toBe('MDIFF_GENERATE n: expected an integer >= 1 and <= 256, got 1.5');
    expect(await message({ topK: 0 })).toContain('topK: expected an integer >= 1');
    expect(await message({ maxTokens: 0 })).toContain('maxTokens: expected an integer >= 1');
    expect(await message({ styleStrength: 2 })).toContain('styleStrength: expected 1 while styleTokens is empty, got 2');
    expect(await message({ remasking: 0.1 })).toContain('remasking: expected 0 unless sampler is "ancestral"');
    expect(await message({ sampler: 'greedy' as 'margin' })).toContain('expected one of ancestral');
    expect(await message({ minLength: 9, maxLength: 8 })).toContain('minLength: expected an integer <= maxLength (8), got 9');
    expect(await message({ temprature: 1 } as object)).toMatch(
      /^MDIFF_GENERATE generate: no option is called "temprature"; generate takes .*\btemperature\b/,
    );
    expect(await message({ top_p: 0.9 } as object)).toBe('MDIFF_GENERATE generate: no option is called "top_p"; did you mean topP?');
    expect(await message({ prompt: 3 } as object)).toBe('MDIFF_GENERATE prompt: expected a string, got 3');
    expect(await message(null as never)).toContain('generate: expected an object of options, got null');
  });
});

describe('infill', () => {
  it('fills several gaps and keeps the rest, character by character', async () => {
    const rng = stream(1, 'infill');
    const pieces = ['The', ' whale', ' ', '.', ' and', 'é', '[MASK]', '  the', 'x\n'];
    for (let round = 0; round < 20; round++) {
      const parts: Part[] = Array.from({ length: 5 }, () => (rng.next() < 0.4 ? { gap: 1 + rng.int(3) } : pieces[rng.int(pieces.length)]!));
      parts.push({ gap: 2 });
      for (const model of [shifted, plain]) {
        const { texts } = await infill(model, parts, { n: 2, seed: round });
        for (const { text, fills } of texts) {
          let rest = text;
          let gap = 0;
          for (const part of parts) {
            const piece = typeof part === 'string' ? part : fills[gap++]!;
            expect(rest.startsWith(piece)).toBe(true);
            rest = rest.slice(piece.length);
          }
          expect(rest).toBe('');
        }
      }
    }
  });

  it('uses what stands on both sides', async () => {
    const { texts } = await infill(plain, parseGaps('Call ___:1 Ishmael.'), { temperature: 0 });
    expect(texts[0]).toMatchObject({ text: 'Call me Ishmael.', fills: ['me'] });
  });

  it('cuts each gap before a stop string, and refuses options without effect', async () => {
    const parts: Part[] = ['Call me', { gap: 4 }, ' the whale.'];
    const whole = (await infill(shifted, parts, { seed: 1 })).texts[0]!.fills[0]!;
    const stop = whole.slice(2, 4);
    const { texts } = await infill(shifted, parts, { seed: 1, stop: [stop] });
    expect(texts[0]!.fills).toEqual([whole.slice(0, whole.indexOf(stop))]);
    expect(texts[0]!.text).toBe(`Call me${texts[0]!.fills[0]} the whale.`);
    for (const option of ['maxLength', 'minLength'])
      await expect(infill(shifted, parts, { [option]: 8 })).rejects.toThrow(`${option}: has no effect in infill, because`);
    await expect(infill(shifted, parts, { maxTokens: 8 } as object)).rejects.toThrow('infill: no option is called "maxTokens"');
  });

  it('refuses a text that is too long or has no gap', async () => {
    await expect(infill(shifted, ['Call'])).rejects.toThrow('text: no gap to fill; give at least one part { gap: tokens }');
    await expect(infill(shifted, ['Call', { gap: 40 }])).rejects.toThrow('model.max_seq_len 32');
  });
});

describe('canvases filled beside the forward passes', () => {
  const options = { seed: 3, n: 3, topP: 0.9, temperature: 1, numSteps: 5, repetitionPenalty: 1.5 };

  it.each(['ancestral', 'first_hitting', 'confidence', 'margin', 'entropy', 'threshold'] as const)(
    'get the tokens and the steps that the caller’s thread draws: %s',
    async (sampler) => {
      const runs = await Promise.all(
        [shifted, { ...shifted, openFilling: undefined }].map(async (model) => {
          const steps: object[] = [];
          const onStep = ({ canvas, ...rest }: Step) => steps.push({ ...rest, canvas: canvas.slice() });
          return { steps, result: await generate(model, { ...options, sampler, prompt: 'Call ', onStep }) };
        }),
      );
      expect(runs[0]).toEqual(runs[1]);
    },
  );

  it('are the same without a seed at temperature 0, text for text', async () => {
    const [first, second] = await Promise.all(
      [0, 1].map(() => generate(shifted, { temperature: 0, sampler: 'first_hitting', maxTokens: 16, n: 2 })),
    );
    expect(first!.texts.map(({ text }) => text)).toEqual(second!.texts.map(({ text }) => text));
    expect(first!.texts[0]!.text).toBe(first!.texts[1]!.text);
  });

  it('stop when they are told to, and leave the model usable', async () => {
    const controller = new AbortController();
    let steps = 0;
    const aborted = generate(shifted, {
      ...options,
      sampler: 'first_hitting',
      signal: controller.signal,
      onStep: () => ++steps === 4 && controller.abort(),
    });
    await expect(aborted).rejects.toThrow('aborted');
    expect(steps).toBe(4); // none after the abort, not of the other texts of that pass either
    expect((await generate(shifted, options)).texts).toHaveLength(3);
  });

  it('name a fault of the model', async () => {
    const task = {
      canvases: [Int32Array.of(2, 0, 0)],
      constraints: [],
      seeds: [1],
      sampler: 'confidence' as const,
      ahead: 0,
      watched: false,
    };
    const filling = await shifted.openFilling!({
      ...task,
      options: { logitBias: new Float64Array(3) },
      maskId: 0,
      padId: 1,
      shiftHead: true,
      vocabulary: 300,
    });
    await expect(filling.progress()).rejects.toMatchObject({
      code: 'MDIFF_SAMPLING',
      message: expect.stringContaining('expected 300 numbers') as string,
    });
    await filling.close();
  });
});
