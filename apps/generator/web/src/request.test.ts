import { expect, it } from 'vitest';
import { requestOf } from './request.js';
import type { PageModel } from './settings.js';
import { snippetOf } from './snippets.js';

const model: PageModel = {
  id: 'moby',
  max_seq_len: 64,
  left_to_right: true,
  generation: { temperature: 0.8, top_p: null, num_steps: 50, sampler: 'confidence', block_length: 4, max_length: 64 },
};
const plain = { text: 'Call me', settings: {}, placed: [], model, action: { kind: 'continue' } } as const;

it('sends only the settings that somebody touched', () => {
  expect(requestOf(plain)).toEqual({ path: 'completions', body: { prompt: 'Call me', max_tokens: 48, model: 'moby' } });
  expect(requestOf({ ...plain, settings: { steps: 9, block: 0, length: 500 }, seed: 3 }).body).toEqual({
    prompt: 'Call me',
    max_tokens: 62,
    model: 'moby',
    num_steps: 9,
    block_length: 64,
    seed: 3,
  });
});

it('fills gaps, refills words, and goes around words in their place', () => {
  expect(requestOf({ ...plain, text: 'a ___{2}', action: { kind: 'fill' } })).toMatchObject({
    path: 'infill',
    body: { parts: ['a ', { gap: 2 }] },
  });
  expect(requestOf({ ...plain, action: { kind: 'refill', start: 5, end: 7 } }).body['parts']).toEqual(['Call ', { gap: [1, 3] }]);
  expect(requestOf({ ...plain, action: { kind: 'rewrite', share: 1 } })).toMatchObject({
    path: 'infill',
    body: { parts: [{ gap: [2, 3] }] },
  });
  const placed = [
    { at: 12, word: ' whale ' },
    { at: 3, word: '' },
  ];
  expect(requestOf({ ...plain, placed }).body['words_at']).toEqual({ 12: 'whale' });
  expect(requestOf({ ...plain, text: 'a ___', settings: { length: 5 } }).body['parts']).toEqual(['a ', { gap: [1, 12] }, { gap: 5 }]);
});

const base = 'http://localhost:8080';

it('shows a request as curl, in a shell that knows quotes', () => {
  const request = requestOf({ ...plain, text: "It's" });
  expect(snippetOf('curl', { request, base, token: false })).toBe(
    `curl -s http://localhost:8080/v1/completions \\\n  -H 'content-type: application/json' \\\n  -d '{"prompt":"It'\\''s","max_tokens":48,"model":"moby"}'`,
  );
  expect(snippetOf('curl', { request, base, token: true })).toContain('-H "authorization: Bearer $MDIFF_TOKEN"');
});

it('shows a completion with the official clients, and other parameters beside theirs', () => {
  const request = requestOf({ ...plain, settings: { steps: 9, sampler: 'margin' } });
  const python = snippetOf('Python', { request, base, token: true });
  expect(python).toContain('client = OpenAI(base_url="http://localhost:8080/v1", api_key=os.environ["MDIFF_TOKEN"])');
  expect(python).toContain('    prompt="Call me",');
  expect(python).toContain('    extra_body={"num_steps": 9, "sampler": "margin"},');
  const typescript = snippetOf('TypeScript', { request, base, token: false });
  expect(typescript).toContain(`new OpenAI({ baseURL: 'http://localhost:8080/v1', apiKey: 'none' })`);
  expect(typescript).toContain('"num_steps": 9');
});

it('shows the other endpoints without a client', () => {
  const request = requestOf({ ...plain, text: 'a ___', action: { kind: 'fill' } });
  expect(snippetOf('TypeScript', { request, base, token: false })).toContain(`await fetch('http://localhost:8080/v1/infill', {`);
  expect(snippetOf('Python', { request, base, token: false })).toContain('body = {"parts": ["a ", {"gap": [1, 12]}], "model": "moby"}');
});
