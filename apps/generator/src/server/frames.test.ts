import { framesOf, type Frame, type Step } from '@mdiff/generate';
import { expect, it } from 'vitest';
import type { Chunk, Completion, Infilling } from './schema.js';
import { model, start } from './server.test.util.js';

interface Event {
  event: string;
  data: unknown;
}

async function events(url: string, body: object): Promise<Event[]> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ ...body, stream: true }) });
  const all = await response.text();
  expect(response.status, all).toBe(200);
  return all
    .trimEnd()
    .split('\n\n')
    .map((event) => {
      const [, name = 'message', data] = /^(?:event: (\w+)\n)?data: (.*)$/.exec(event)!;
      return { event: name, data: data === '[DONE]' ? data : (JSON.parse(data!) as unknown) };
    });
}

const framesIn = (all: readonly Event[]): Frame[] => all.filter(({ event }) => event === 'denoise').map(({ data }) => data as Frame);
const textOf = ({ pieces }: Frame): string => pieces.map(({ text }) => text).join('');

it('shows the canvas of each choice after each step, beside the usual events, to those who ask', async () => {
  const { url } = await start();
  const request = { prompt: ['Call me ', 'The'], suffix: ' the whale.', max_tokens: 3, n: 2, seed: 5, temperature: 0.5 };
  const asked = await events(`${url}/v1/completions`, { ...request, stream_options: { denoise: true } });
  const plain = await events(`${url}/v1/completions`, request);
  const timeless = (event: Event): Event => ({
    ...event,
    data: typeof event.data === 'object' ? { ...event.data, id: '', created: 0 } : event.data,
  });
  expect(asked.filter(({ event }) => event === 'message').map(timeless)).toEqual(plain.map(timeless));
  const frames = framesIn(asked);
  expect(new Set(frames.map(({ index }) => index))).toEqual(new Set([0, 1, 2, 3]));
  for (const index of [0, 1, 2, 3]) {
    const mine = frames.filter((frame) => frame.index === index);
    expect(mine.map(({ step }) => step)).toEqual(mine.map((_, i) => i + 1));
    expect(mine.map(({ nfe }) => nfe)).toEqual(mine.map((_, i) => i + 1));
    const written = plain.flatMap(({ data }) => (data as Chunk).choices ?? []).filter((choice) => choice.index === index);
    const prompt = request.prompt[index >> 1]!;
    expect(textOf(mine.at(-1)!)).toBe(`${prompt}${written.map(({ text }) => text).join('')} the whale.`);
    const masks = mine.map(({ pieces }) => pieces.filter(({ state }) => state === 'mask').length);
    expect(masks).toEqual([...masks].sort((a, b) => b - a));
    expect(masks.at(-1)).toBe(0);
    for (const { text, state, confidence } of mine.flatMap(({ pieces }) => pieces)) {
      expect(state).toMatch(/^(given|committed|mask)$/);
      if (state === 'mask') expect(text).toBe('');
      if (state === 'committed') expect(confidence).toBeGreaterThanOrEqual(0);
      else expect(confidence).toBeUndefined();
    }
    expect(mine[0]!.pieces[0]).toEqual({ text: prompt.trimEnd(), state: 'given' });
  }
});

it('shows an infilling, whose whole answer is the last event', async () => {
  const { url } = await start();
  const request = { parts: ['Call me ', { gap: 2 }, ' the ', { gap: [1, 2] }, '.'], seed: 7 };
  const all = await events(`${url}/v1/infill`, { ...request, stream_options: { denoise: true } });
  expect(all.at(-1)!.data).toBe('[DONE]');
  const answer = all.at(-2)!.data as Infilling;
  expect(textOf(framesIn(all).at(-1)!)).toBe(answer.choices[0]!.text);
  expect((await events(`${url}/v1/infill`, request)).map(({ event }) => event)).toEqual(['message', 'message']);
});

it('calls tokens provisional until the last step where the sampler may take them back', async () => {
  const { url } = await start({ sampling: { sampler: 'ancestral', remasking: 0.5, numSteps: 12 } });
  const frames = framesIn(await events(`${url}/v1/completions`, { prompt: 'Call me', max_tokens: 8, stream_options: { denoise: true } }));
  const states = (frame: Frame): Set<string> => new Set(frame.pieces.map(({ state }) => state));
  expect(frames.slice(0, -1).some((frame) => states(frame).has('provisional'))).toBe(true);
  expect(frames.slice(0, -1).some((frame) => states(frame).has('committed'))).toBe(false);
  expect(states(frames.at(-1)!)).toEqual(new Set(['given', 'committed']));
});

it('counts on over the sections of a long text, whose earlier tokens stay committed', async () => {
  const { url, post } = await start();
  const request = { prompt: 'Call me', max_tokens: 32, seed: 1, logit_bias: {} };
  const frames = framesIn(await events(`${url}/v1/completions`, { ...request, stream_options: { denoise: true } }));
  expect(frames.map(({ step }) => step)).toEqual(frames.map((_, i) => i + 1));
  const { choices } = (await (await post(request)).json()) as Completion;
  expect(choices[0]!.text.endsWith(textOf(frames.at(-1)!).slice(-5))).toBe(true);
});

it('keeps the bytes of a character together', () => {
  const ids = [...model.tokenizer.encode('whale 🐳')];
  const step: Step = {
    row: 0,
    step: 1,
    of: 2,
    nfe: 1,
    canvas: Int32Array.from([...ids, model.config.mask_token_id]),
    commits: ids.slice(1).map((token, i) => ({ position: i + 1, token, probability: 0.51239 })),
    remasked: new Int32Array(0),
    dropped: 0,
    offset: 0,
  };
  const { pieces } = framesOf(model, { first: 3, sampling: {} })(step);
  expect(pieces[0]!.state).toBe('given');
  expect(pieces.at(-1)).toEqual({ text: '', state: 'mask' });
  expect(pieces.at(-2)).toMatchObject({ state: 'committed', confidence: 0.5124 });
  expect(pieces.map(({ text }) => text).join('')).toBe('whale 🐳');
  expect(pieces.some(({ text }) => text.includes('\ufffd'))).toBe(false);
});
