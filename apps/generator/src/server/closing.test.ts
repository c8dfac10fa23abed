import { expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import { raw, slow, start, until } from './server.test.util.js';

const head = 'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
/** Longer than any test: what waits for it fails. */
const NEVER = 600_000;

it('waits for no client that has nothing to be answered, and refuses a request that is not whole', async () => {
  const { app, port } = await start({ grace: NEVER });
  const silent = raw(port, '');
  const half = raw(port, 'POST /v1/comp');
  const idle = raw(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const answered = new Promise((resolve) => idle.socket.once('data', resolve));
  const body = raw(port, `${head}Content-Length: 100\r\n\r\n{"prompt`);
  let connections = 0;
  await until(() => {
    app.server.getConnections((_, count) => (connections = count));
    return connections === 4;
  });
  await answered;
  await app.close();
  expect([await silent.answer, await half.answer]).toEqual(['', '']);
  expect(await idle.answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(await body.answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*"code":"server_stopping"/);
});

it('answers what it has accepted, and refuses what comes on an open connection meanwhile', async () => {
  const busy = slow();
  const { app, port, post } = await start({ model: Promise.resolve(busy.model), running: 1, grace: NEVER });
  let arrived = 0;
  app.server.on('request', () => arrived++);
  const [running, waiting] = [post({ seed: 1, max_tokens: 2 }), post({ seed: 2, max_tokens: 2 })];
  await until(() => busy.passes === 1);
  // A body that is still on its way when the server closes, behind a request that runs.
  const request = '{"prompt":"Call","max_tokens":2}';
  const open = raw(port, `${head}Content-Length: ${request.length}\r\n\r\n${request}`);
  await until(() => arrived === 3);
  const closed = app.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  open.socket.write(`${head}Content-Length: ${request.length}\r\n\r\n${request}`);
  busy.release();
  expect([(await running).status, (await waiting).status]).toEqual([200, 200]);
  await closed;
  expect(await open.answer).toMatch(/^HTTP\/1\.1 200 /);
  await expect(post({})).rejects.toThrow();
});

it('ends with an error what runs and waits when its time is over, and drops nothing', async () => {
  const busy = slow();
  const { app, post } = await start({ model: Promise.resolve(busy.model), running: 1, grace: 100 });
  let arrived = 0;
  app.server.on('request', () => arrived++);
  const [running, waiting] = [post({ seed: 1 }), post({ seed: 2 })];
  await until(() => busy.passes === 1 && arrived === 2);
  const closed = app.close();
  // Whoever waits in line is told at once; the pass that runs ends first.
  const refused = await Promise.race([waiting, running]);
  busy.release();
  for (const response of [refused, await running, await waiting]) expect(response.status).toBe(503);
  expect(((await (await running).json()) as ErrorBody).error.code).toBe('server_stopping');
  await closed;
});

it('says that it is not ready before it closes, and answers what comes meanwhile on a connection that ends with the answer', async () => {
  const stopping = new AbortController();
  const { url, post } = await start({ stopping: stopping.signal });
  const ready = async () => {
    const { status, headers } = await fetch(`${url}/readyz`);
    return { status, connection: headers.get('connection') };
  };
  expect(await ready()).toEqual({ status: 200, connection: 'keep-alive' });
  stopping.abort();
  expect(await ready()).toEqual({ status: 503, connection: 'close' });
  const answer = await post({ prompt: 'Call', max_tokens: 2 });
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});
