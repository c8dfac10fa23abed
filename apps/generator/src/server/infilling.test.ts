import { expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import type { Infilling } from './schema.js';
import { model, start } from './server.test.util.js';

async function infills(options: Parameters<typeof start>[0] = {}) {
  const { url } = await start(options);
  const headers = { 'content-type': 'application/json' };
  return { url, ask: (body: object) => fetch(`${url}/v1/infill`, { method: 'POST', headers, body: JSON.stringify(body) }) };
}

it('fills the gaps of a text and keeps the rest', async () => {
  const { ask } = await infills({ sampling: { maxLength: 8, temperature: 0.5 } });
  const response = await ask({ model: 'shifted', parts: ['Call me ', { gap: 2 }, ' the ', { gap: 1 }, '.'], n: 2, seed: 7, user: null });
  const answer = (await response.json()) as Infilling;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  expect(answer).toMatchObject({ object: 'infill', model: 'shifted', seed: 7, usage: { completion_tokens: 6 } });
  for (const { text, fills } of answer.choices) expect(text).toBe(`Call me ${fills[0]} the ${fills[1]}.`);
  expect(
    ((await (await ask({ parts: ['Call me ', { gap: 2 }, ' the ', { gap: 1 }, '.'], n: 2, seed: 7 })).json()) as Infilling).choices,
  ).toEqual(answer.choices);
});

it('chooses the length of a gap that states a range', async () => {
  const { ask } = await infills();
  const answer = (await (await ask({ parts: ['Call me ', { gap: [1, 3] }, '.'], seed: 7 })).json()) as Infilling;
  expect(answer.choices[0]!.text).toBe(`Call me ${answer.choices[0]!.fills[0]}.`);
  expect(answer.usage.completion_tokens).toBe(model.tokenizer.encode(answer.choices[0]!.fills[0]!).length);
});

it.each<[string, object, Partial<ErrorBody['error']>]>([
  ['no parts', {}, { param: 'parts', code: 'missing_required_parameter' }],
  ['no gap', { parts: ['a'] }, { code: 'invalid_request' }],
  [
    'no part',
    { parts: [3] },
    { param: 'parts', message: 'parts: expected a list of strings and gaps such as {"gap": 4} or {"gap": [2, 5]}, got 3' },
  ],
  ['too long', { parts: [{ gap: 100 }] }, { code: 'context_length_exceeded', param: null }],
  ['a parameter of another endpoint', { parts: [{ gap: 1 }], max_tokens: 3 }, { param: 'max_tokens', code: 'unknown_parameter' }],
])('refuses %s', async (_, body, error) => {
  const { ask } = await infills();
  const response = await ask(body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error });
});

it('counts requests, steps, tokens and forward passes for Prometheus', async () => {
  const { url, ask } = await infills();
  await (await ask({ parts: ['Call me ', { gap: 3 }], n: 2, seed: 6 })).text();
  await (await fetch(`${url}/v1/models/unknown?secret`)).text();
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
  const metrics = await response.text();
  const value = (name: string): number =>
    Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${name} `))!
        .split(' ')[1],
    );
  expect(value('mdiff_requests_total{route="/v1/infill",status="200"}')).toBe(1);
  expect(value('mdiff_requests_total{route="/v1/models/:id",status="404"}')).toBe(1);
  expect(value('mdiff_queue_requests')).toBe(0);
  expect(value(`mdiff_prompt_tokens_total{model="${model.name}"}`)).toBe(2);
  expect(value(`mdiff_completion_tokens_total{model="${model.name}"}`)).toBe(6);
  expect(value(`mdiff_nfe_total{model="${model.name}"}`)).toBe(6);
  expect(value(`mdiff_step_seconds_count{model="${model.name}"}`)).toBe(3);
  expect(value(`mdiff_step_tokens_sum{model="${model.name}"}`)).toBe(6);
  // The two canvases are equal in the first of the three passes, which computes them once.
  expect(value(`mdiff_batch_size_count{model="${model.name}"}`)).toBe(3);
  expect(value(`mdiff_batch_size_sum{model="${model.name}"}`)).toBe(5);
  expect(metrics).not.toContain('secret');
});
