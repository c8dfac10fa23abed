import { expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import { LIMIT, raw, slow, start, until } from './server.test.util.js';

/** A server whose one place is taken, and that lets nobody wait in line. */
async function full(options: Parameters<typeof start>[0] = {}) {
  const busy = slow();
  const server = await start({ model: Promise.resolve(busy.model), running: 1, waiting: 0, ...options });
  const first = server.post({ seed: 1, max_tokens: 1 });
  await until(() => busy.passes === 1);
  const atDoor = async (): Promise<number> =>
    Number(/^mdiff_door_requests (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())![1]);
  const come = async (count: number): Promise<void> => {
    const end = Date.now() + LIMIT;
    while ((await atDoor()) !== count) if (Date.now() > end) throw new Error(`expected ${count} requests at the door`);
  };
  return { ...server, busy, first, come };
}

it('a request waits at the door for a place, and those there come in one after the other', async () => {
  const { post, busy, first, come } = await full({ patience: LIMIT });
  const second = post({ seed: 2, max_tokens: 1 });
  await come(1);
  const third = post({ seed: 3, max_tokens: 1 });
  await come(2);
  expect(busy.passes).toBe(1);
  busy.release();
  expect((await Promise.all([first, second, third])).map(({ status }) => status)).toEqual([200, 200, 200]);
  await come(0);
});

it('a request that has waited there too long is refused, and its body was never read', async () => {
  const { post, busy, first } = await full({ patience: 50 });
  const begun = performance.now();
  const refused = await post('no JSON of a request');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(performance.now() - begun).toBeGreaterThan(45);
  expect(refused.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(((await refused.json()) as ErrorBody).error).toEqual({
    message: 'the server is busy: 0 requests are waiting already; try again later',
    type: 'rate_limit_error',
    param: null,
    code: 'queue_full',
  });
  busy.release();
  expect((await first).status).toBe(200);
  expect((await post('no JSON of a request')).status).toBe(400);
});

it('a client that leaves the door takes no place, and the next one gets it', async () => {
  const seen: Error[] = [];
  const { post, busy, first, come } = await full({ patience: LIMIT, onError: (error) => seen.push(error) });
  const controller = new AbortController();
  const gone = post({ seed: 2 }, { signal: controller.signal });
  await come(1);
  controller.abort();
  await expect(gone).rejects.toThrow();
  await come(0);
  const next = post({ seed: 3, max_tokens: 1 });
  await come(1);
  busy.release();
  expect([(await first).status, (await next).status]).toEqual([200, 200]);
  expect(seen).toEqual([]);
});

it('a server that closes refuses those at the door at once', async () => {
  const { app, post, port, busy, first, come } = await full({ patience: LIMIT });
  const waiting = post({ seed: 2 });
  await come(1);
  // This one has not even arrived: its body is missing.
  const half = raw(
    port,
    'POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
  );
  await come(2);
  const closed = app.close();
  const refused = await waiting;
  expect([refused.status, ((await refused.json()) as ErrorBody).error.code]).toEqual([503, 'server_stopping']);
  expect(await half.answer).toContain('server_stopping');
  busy.release();
  expect((await first).status).toBe(200);
  await closed;
});
