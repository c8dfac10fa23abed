import type { Model } from '@mdiff/generate';
import { afterAll, describe, expect, it } from 'vitest';
import { logprobsOf, type LogProbs } from './logprobs.js';
import type { Chunk, Completion } from './schema.js';
import { model, open, start } from './server.test.util.js';

const { tokenizer } = model;
const MASS = 1e-12;

// One server for all: starting one takes most of the time.
const server = start().then((started) => {
  open.splice(open.indexOf(started.app), 1);
  return started;
});
afterAll(async () => (await server).app.close());

async function ask(body: object): Promise<{ text: string; logprobs: LogProbs }[]> {
  const { post } = await server;
  const { choices } = (await (await post(body)).json()) as Completion;
  return choices.map(({ text, logprobs }) => ({ text, logprobs: logprobs! }));
}

describe('logprobs', () => {
  it('name the tokens of a text, their places in it, and the likeliest of each place', async () => {
    for (const { text, logprobs } of await ask({ prompt: 'Call me', max_tokens: 12, seed: 3, n: 2, logprobs: 3 })) {
      const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs;
      expect(tokens.join('')).toBe(text);
      tokens.forEach((token, i) => expect(text.slice(text_offset[i]).startsWith(token)).toBe(true));
      expect(token_logprobs.length).toBe(tokens.length);
      top_logprobs.forEach((top, i) => {
        expect(top![tokens[i]!]).toBe(token_logprobs[i]);
        const values = Object.values(top!);
        expect(values.length).toBeGreaterThanOrEqual(3);
        expect(values.length).toBeLessThanOrEqual(4);
        expect(values.reduce((sum, value) => sum + Math.exp(value), 0)).toBeLessThanOrEqual(1 + MASS);
      });
    }
  });

  it('at temperature 0 the likeliest token of each place is the one that was written', async () => {
    const [choice] = await ask({ prompt: 'Call me', max_tokens: 6, temperature: 0, logprobs: 2 });
    const { logprobs } = choice!;
    logprobs.top_logprobs.forEach((top, i) => expect(Math.max(...Object.values(top!))).toBe(logprobs.token_logprobs[i]));
  });

  it('of 0 name the written token alone; a stop string and a suffix end them', async () => {
    const [plain] = await ask({ prompt: 'Call me', max_tokens: 8, temperature: 0, logprobs: 0 });
    plain!.logprobs.top_logprobs.forEach((top, i) =>
      expect(top).toEqual({ [plain!.logprobs.tokens[i]!]: plain!.logprobs.token_logprobs[i] }),
    );
    const [stopped] = await ask({ prompt: 'Call me', max_tokens: 8, temperature: 0, logprobs: 0, stop: 'shmael' });
    expect(stopped!.text).toBe(plain!.text.split('shmael')[0]);
    expect(stopped!.logprobs.tokens).toEqual(plain!.logprobs.tokens.slice(0, stopped!.logprobs.tokens.length));
    expect(stopped!.logprobs.text_offset.every((offset) => offset < stopped!.text.length)).toBe(true);
    const [filled] = await ask({ prompt: 'Call me ', suffix: ' the whale.', max_tokens: 3, logprobs: 1, seed: 2 });
    expect(filled!.logprobs.tokens.join('')).toBe(` ${filled!.text}`);
    expect(filled!.logprobs.text_offset[0]).toBe(0);
  });

  it('with echo begin with the prompt, whose tokens have no probability in a model that cannot predict the next one; nor have words at places', async () => {
    const [choice] = await ask({ prompt: 'Call ', echo: true, max_tokens: 4, seed: 1, logprobs: 1 });
    const { text, logprobs } = choice!;
    expect(text.startsWith('Call ')).toBe(true);
    expect(logprobs.tokens.join('')).toBe(text);
    expect([logprobs.token_logprobs[0], logprobs.top_logprobs[0]]).toEqual([null, null]);
    expect(logprobs.token_logprobs.slice(1).every((value) => value !== null && value <= 0)).toBe(true);
    const [placed] = await ask({ prompt: 'The', max_tokens: 6, min_tokens: 6, words_at: { 2: 'whale' }, seed: 1, logprobs: 1 });
    expect(placed!.logprobs.token_logprobs.map((value) => value === null)).toEqual([false, false, true, false, false, false]);
  });

  it('with echo have those of the prompt too, from the second token on, where the model predicts the next token', async () => {
    const size = model.config.vocab_size;
    // A network whose logits depend on the last token alone.
    const row = (last: number): number[] => Array.from({ length: size }, (_, v) => 3 * Math.sin(Math.imul(last + 1, 17 + v)));
    const openWriter: Model['openWriter'] = () =>
      Promise.resolve({
        next: ({ ids }) => Promise.resolve(Float32Array.from(row(ids.at(-1)!))),
        keep: () => Promise.resolve(),
        close: () => Promise.resolve(),
      });
    const { app, post } = await start({ model: Promise.resolve({ ...model, openWriter, config: { ...model.config, causal_share: 0.5 } }) });
    const body = { prompt: 'Call me ', echo: true, max_tokens: 2, seed: 1, logprobs: 2 };
    const { choices } = (await (await post(body)).json()) as Completion;
    const { tokens, token_logprobs, top_logprobs } = choices[0]!.logprobs!;
    const given = [...tokenizer.encode('Call me')];
    expect(tokens.slice(0, given.length).join('')).toBe('Call me');
    expect([token_logprobs[0], top_logprobs[0]]).toEqual([null, null]);
    for (let i = 1; i < given.length; i++) {
      const logits = row(given[i - 1]!).map((value, v) => (v === model.config.mask_token_id ? -Infinity : value));
      const logTotal = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
      expect(token_logprobs[i]).toBeCloseTo(logits[given[i]!]! - logTotal, 5);
      const best = Math.max(...logits) - logTotal;
      expect(Math.max(...Object.values(top_logprobs[i]!))).toBeCloseTo(best, 5);
      expect(Object.keys(top_logprobs[i]!).length).toBeGreaterThanOrEqual(2);
    }
    await app.close();
  });

  it('come in a stream with the last piece of each choice', async () => {
    const body = { prompt: 'Call me', max_tokens: 6, seed: 5, n: 2, logprobs: 2 };
    const whole = await ask(body);
    const { post } = await server;
    const lines = (await (await post({ ...body, stream: true })).text()).split('\n').filter((line) => line.startsWith('data: {'));
    const chunks = lines.map((line) => (JSON.parse(line.slice(6)) as Chunk).choices[0]!);
    for (const [i, { logprobs }] of whole.entries()) {
      const own = chunks.filter(({ index }) => index === i);
      expect(own.at(-1)).toMatchObject({ finish_reason: expect.any(String) as string, logprobs });
      expect(own.slice(0, -1).every((chunk) => chunk.logprobs === null)).toBe(true);
    }
  });

  it('name parts of a character by their bytes, and count characters', () => {
    const ids = tokenizer.encode('鯨 a');
    const probabilities = Array.from(ids, (id) => ({ id, probability: 0, alternatives: [] }));
    const { tokens, text_offset, token_logprobs } = logprobsOf(model, { prompt: '', echo: false, probabilities });
    expect(tokens.slice(0, 3)).toEqual(['bytes:\\xe9', 'bytes:\\xaf', 'bytes:\\xa8']);
    expect(text_offset.slice(0, 4)).toEqual([0, 1, 1, 1]);
    expect(token_logprobs[0]).toBe(-9999);
  });
});
