import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import { raw, start } from './server.test.util.js';

/** Status and error of an answer in bytes. */
function read(answer: string): [number, ErrorBody['error']] {
  const [head, body] = answer.split('\r\n\r\n') as [string, string];
  return [Number(head.split(' ')[1]), (JSON.parse(body) as ErrorBody).error];
}

it('answers what is no request with an error object', async () => {
  const { port } = await start();
  const cases: [string, number, string, RegExp][] = [
    ['HELLO\r\n\r\n', 400, 'bad_request', /^not an HTTP\/1\.1 request \(.+\); if you wrote https, write http$/],
    ['\x16\x03\x01\x02\x00\x01\x00', 400, 'bad_request', /write http$/],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large', /at most 16 KiB/],
    ['POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n', 400, 'bad_request', /Content-Length/],
  ];
  for (const [bytes, status, code, message] of cases) {
    const [seen, error] = read(await raw(port, bytes).answer);
    expect([seen, error.code]).toEqual([status, code]);
    expect(error.message).toMatch(message);
  }
});

it('waits for a request as long as is documented', async () => {
  const { port } = await start({ arrival: { headers: 300, request: 700 } });
  const begun = performance.now();
  const time = async (bytes: string): Promise<[number, number, string | null]> => {
    const [status, { code }] = read(await raw(port, bytes).answer);
    return [performance.now() - begun, status, code];
  };
  const head = 'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n';
  const [nothing, header, body] = await Promise.all([
    time(''),
    time(head),
    time(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"prompt`),
  ]);
  for (const [, status, code] of [nothing, header, body]) expect([status, code]).toEqual([408, 'request_timeout']);
  expect(Math.min(nothing[0], header[0])).toBeGreaterThan(250);
  expect(body[0]).toBeGreaterThan(650);
  // Node alone would look every 30 s.
  expect(Math.max(nothing[0], header[0], body[0])).toBeLessThan(20_000);
});

describe('bodies', () => {
  const json = { 'content-type': 'application/json' };
  it.each<[string, Record<string, string>, string | Buffer, number, string, string]>([
    ['gzip', { ...json, 'content-encoding': 'gzip' }, gzipSync('{}'), 415, 'unsupported_media_type', 'no compressed bodies, got "gzip"'],
    [
      'another charset',
      { 'content-type': 'application/json; charset=latin1' },
      '{}',
      415,
      'unsupported_media_type',
      'got charset "latin1"',
    ],
    [
      'a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'prompt=a',
      415,
      'unsupported_media_type',
      'expected application/json',
    ],
    ['no UTF-8', json, Buffer.from('{"prompt":"caf\xe9"}', 'latin1'), 400, 'invalid_utf8', 'not valid UTF-8'],
    ['nothing', json, ' ', 400, 'invalid_json', 'empty'],
    ['half an object', json, '{"prompt":', 400, 'invalid_json', 'not JSON'],
    ['a prototype', json, '{"__proto__":{"prompt":"a"}}', 400, 'invalid_json', 'not JSON'],
  ])('%s', async (_, headers, body, status, code, words) => {
    const { url } = await start();
    const response = await fetch(`${url}/v1/completions`, { method: 'POST', headers, body });
    const { error } = (await response.json()) as ErrorBody;
    expect([response.status, error.code]).toEqual([status, code]);
    expect(error.message).toContain(words);
  });
});
