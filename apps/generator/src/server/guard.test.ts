import { expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import { isLoopback } from './loopback.js';
import type { RequestRecord } from './log.js';
import { model, raw, start } from './server.test.util.js';

it('knows the names and addresses of loopback', () => {
  expect(
    ['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.1', '127.8.8.8', '::1', '0:0:0:0:0:0:0:1'].filter((host) => !isLoopback(host)),
  ).toEqual([]);
  for (const host of ['', '0.0.0.0', '::', '127.evil.example', 'localhost.evil.example', '10.0.0.1', '1::1'])
    expect(isLoopback(host), host).toBe(false);
});

it('answers only to names of loopback: a page that rebinds its own name learns nothing', async () => {
  const { port } = await start();
  const get = async (host: string): Promise<string> =>
    (await raw(port, `GET /v1/models HTTP/1.1\r\n${host}Connection: close\r\n\r\n`).answer).split(' ')[1]!;
  expect(await get(`Host: localhost:${port}\r\n`)).toBe('200');
  expect(await get(`Host: [::1]:${port}\r\n`)).toBe('200');
  expect(await get(`Host: evil.example:${port}\r\n`)).toBe('403');
  expect(await get('')).toBe('400');
  const open = await start({ checkHost: false, token: 't' });
  expect((await raw(open.port, 'GET /livez HTTP/1.1\r\nHost: my.example\r\nConnection: close\r\n\r\n').answer).split(' ')[1]).toBe('200');
});

it('with a token, answers only those who send it', async () => {
  const { url } = await start({ token: 'secret' });
  const get = async (path: string, authorization?: string) =>
    fetch(url + path, authorization === undefined ? {} : { headers: { authorization } });
  const refused = await get('/v1/models');
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  expect(((await refused.json()) as ErrorBody).error.code).toBe('invalid_api_key');
  for (const wrong of ['Bearer wrong', 'Bearer secrets', 'Basic secret', 'secret'])
    expect((await get('/v1/models', wrong)).status).toBe(401);
  expect((await get('/no/such/path')).status).toBe(401);
  expect((await get('/v1/models', 'Bearer secret')).status).toBe(200);
  for (const path of ['/livez', '/readyz', '/healthz/']) expect((await get(path)).status).toBe(200);
});

it('tells no browser that other sites may read it', async () => {
  const { url } = await start();
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
  const preflight = await fetch(`${url}/v1/completions`, { method: 'OPTIONS', headers });
  expect(preflight.status).toBe(404);
  expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it('records each request with its id, and what was asked only if wanted', async () => {
  const records: RequestRecord[] = [];
  const { url, post } = await start({ onRequest: (record) => records.push(record) });
  const request = { prompt: 'Call me', max_tokens: 2, seed: 1 };
  const response = await post(request, {
    body: JSON.stringify(request),
    headers: { 'content-type': 'application/json', 'x-request-id': 'mine-1' },
  });
  expect(response.headers.get('x-request-id')).toBe('mine-1');
  await response.text();
  const other = await fetch(`${url}/v1/nothing?prompt=secret`, { headers: { 'x-request-id': 'a\tb' } });
  expect(other.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  await other.text();
  const record = { time: expect.stringMatching(/^20.*Z$/) as string, ms: expect.any(Number) as number };
  expect(records).toEqual([
    {
      ...record,
      id: 'mine-1',
      method: 'POST',
      path: '/v1/completions',
      status: 200,
      model: model.name,
      prompt_tokens: 2,
      completion_tokens: 2,
      nfe: expect.any(Number) as number,
    },
    { ...record, id: other.headers.get('x-request-id'), method: 'GET', path: '/v1/nothing', status: 404 },
  ]);
  const asked: RequestRecord[] = [];
  const prompts = await start({ onRequest: (entry) => asked.push(entry), logPrompts: true });
  await (await prompts.post(request)).text();
  expect(asked[0]!.request).toEqual(request);
});
