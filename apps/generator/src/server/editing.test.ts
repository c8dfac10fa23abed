import { beforeEach, expect, it } from 'vitest';
import type { ErrorBody } from './errors.js';
import type { Editing } from './schema.js';
import { start } from './server.test.util.js';

const text = '🐳 The whale swam to the sea and the whale swam.';
let url: string;
beforeEach(async () => ({ url } = await start({ sampling: { stop: ['.'], maxLength: 8, temperature: 0.5 } })));

const ask = (body: object) =>
  fetch(`${url}/v1/edit`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function edited(body: object): Promise<Editing> {
  const response = await ask({ text, seed: 7, ...body });
  const answer = (await response.json()) as Editing;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer;
}

/** The text before it was edited, from an answer alone. */
function original({ text: after, edits }: Editing['choices'][number]): string {
  const characters = [...after];
  for (const { start: from, end, text: written, before } of edits.toReversed()) {
    expect(characters.slice(from, end).join('')).toBe(written);
    characters.splice(from, end - from, ...before);
  }
  return characters.join('');
}

it('writes words, spans of characters or a share of the words anew, and keeps the rest', async () => {
  for (const [choice, before] of [
    [{ words: ['WHALE'] }, [' whale', ' whale']],
    [{ spans: [[7, 8]] }, [' whale']],
    [
      {
        spans: [
          [7, 8],
          [12, 15],
        ],
      },
      [' whale', ' swam'],
    ],
    [{ spans: null, words: ['sea'], share: null }, [' sea']],
  ] as const) {
    const answer = await edited({ ...choice, n: 2 });
    expect(answer).toMatchObject({ object: 'edit', seed: 7, choices: [{ index: 0 }, { index: 1 }] });
    for (const edit of answer.choices) {
      expect(edit.edits.map((change) => change.before)).toEqual(before);
      expect(original(edit)).toBe(text);
    }
    expect(answer.usage.completion_tokens).toBe(2 * before.length);
  }
  const [all] = (await edited({ share: 1 })).choices;
  expect(all!.edits).toHaveLength(10);
  expect(original(all!)).toBe(text);
  expect((await edited({ share: 1 })).choices[0]).toEqual(all);
});

it('streams the canvas after each step, and then the whole answer', async () => {
  const body = { text, words: ['whale'], seed: 7, stream: true, stream_options: { denoise: true } };
  const events = (await (await ask(body)).text()).trimEnd().split('\n\n');
  expect(events.slice(0, -2).every((event) => event.startsWith('event: denoise\ndata: {'))).toBe(true);
  const answer = JSON.parse(events.at(-2)!.slice('data: '.length)) as Editing;
  expect(answer.choices).toEqual((await edited({ words: ['whale'] })).choices);
  expect(events.at(-1)).toBe('data: [DONE]');
});

it.each<[string, object, Partial<ErrorBody['error']>]>([
  ['no text', { share: 0.5 }, { param: 'text', code: 'missing_required_parameter' }],
  ['an empty text', { text: '' }, { param: 'text', code: 'invalid_value' }],
  ['a text without words', { text: '...' }, { param: 'text', code: 'invalid_request' }],
  ['words that are not there', { text, words: ['harpoon'] }, { param: 'words', message: 'words: "harpoon" does not occur in the text' }],
  ['a span behind the text', { text, spans: [[40, 90]] }, { param: 'spans', code: 'invalid_request' }],
  ['a span that is none', { text, spans: [[3]] }, { param: 'spans', code: 'invalid_value' }],
  ['two choices', { text, share: 0.5, words: ['sea'] }, { param: 'share', code: 'invalid_request' }],
  ['too long', { text: 'whale '.repeat(100) }, { code: 'context_length_exceeded', param: 'text' }],
  ['a parameter of another endpoint', { text, stop: '.' }, { param: 'stop', code: 'unknown_parameter' }],
])('refuses %s', async (_, body, error) => {
  const response = await ask(body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error });
});
