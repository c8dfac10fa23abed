import { score } from '@mdiff/generate';
import { expect, it } from 'vitest';
import { schemas } from './openapi.js';
import type { Scoring } from './schema.js';
import { model, start } from './server.test.util.js';

it('scores texts as mdiff score does, and refuses those without words', async () => {
  const { url } = await start();
  const headers = { 'content-type': 'application/json' };
  const ask = (body: object) => fetch(`${url}/v1/score`, { method: 'POST', headers, body: JSON.stringify(body) });
  const response = await ask({ text: ['Call me Ishmael.', 'The whale swam to the sea.'], seed: 3 });
  const answer = (await response.json()) as Scoring;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  expect(answer).toMatchObject({ object: 'score', seed: 3, model: 'shifted' });
  const figures = await score(model, 'The whale swam to the sea.', { seed: 3 });
  expect(answer.scores[1]).toMatchObject({ index: 1, nats: figures.nats, bits_per_byte: figures.bitsPerByte, tokens: figures.tokens });
  expect(Object.keys(answer.scores[0]!).sort()).toEqual(
    [...(schemas.Scoring.properties['scores'] as { items: { required: string[] } }).items.required].sort(),
  );
  expect(answer.usage.prompt_tokens).toBe(answer.scores[0]!.tokens + answer.scores[1]!.tokens);
  for (const text of ['', ['a', ' \n'], [], 3]) {
    const refused = await ask({ text });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param: 'text' } });
  }
});

it('says how likely each word is, if asked', async () => {
  const { url } = await start();
  const headers = { 'content-type': 'application/json' };
  const ask = (body: object) => fetch(`${url}/v1/score`, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = 'Call me.\n\nThe whale swam.';
  const answer = (await (await ask({ text, per: 'word' })).json()) as Scoring;
  expect(answer.scores[0]!.words!.map((word) => word.text)).toEqual(['Call', 'me.', 'The', 'whale', 'swam.']);
  const { units } = await score(model, text, { words: true });
  expect(answer.scores[0]!.words).toEqual(units.flatMap(({ words }) => words));
  expect(await (await ask({ text, per: 'line' })).json()).toMatchObject({ error: { param: 'per', code: 'invalid_value' } });
});
