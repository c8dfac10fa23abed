import { print } from '@mdiff/cli';
import { loadModel, type Step } from '@mdiff/generate';
import { afterAll, expect, it, vi } from 'vitest';
import { fixture } from './fixture.test.util.js';
import { writeTexts } from './texts.js';
import { frameOf, linesOf } from './watch.js';

vi.mock('@mdiff/cli', async (original) => ({ ...(await original<object>()), print: vi.fn() }));
const model = await loadModel(fixture);
afterAll(() => model.close());

it.each([false, true])('texts that are finished stay, whatever ends the command (json: %s)', async (json) => {
  vi.mocked(print).mockClear();
  const write = ({ seed }: { seed: number | null }) =>
    seed === 9
      ? Promise.reject(new Error('interrupted'))
      : Promise.resolve({ texts: [{ text: `text ${seed}`, seed: seed! }], promptTokens: 0 });
  await expect(writeTexts({ model, sampling: { n: 5, seed: 7 }, json, watch: false, write })).rejects.toThrow('interrupted');
  const printed = vi.mocked(print).mock.calls.map(([text]) => text);
  const objects = [
    { text: 'text 7', seed: 7 },
    { text: 'text 8', seed: 8 },
  ];
  expect(printed).toEqual(json ? [`${JSON.stringify({ texts: objects, promptTokens: 0 })}\n`] : ['text 7\n', '\ntext 8\n']);
});

it('a text that its limit cuts is shown to its last whole word where that is wanted, and says so', async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const texts = (finish: 'stop' | 'length') => [{ text: 'A ship upon the Pequ', completion: ' upon the Pequ', finish, seed: 1 }];
  for (const [whole, finish, expected] of [
    [true, 'length', 'A ship upon the …\n'],
    [false, 'length', 'A ship upon the Pequ\n'],
    [true, 'stop', 'A ship upon the Pequ\n'],
  ] as const) {
    vi.mocked(print).mockClear();
    stderr.mockClear();
    const write = () => Promise.resolve({ texts: texts(finish), promptTokens: 0 });
    await writeTexts({ model, sampling: { n: 1, seed: 1 }, json: false, watch: false, whole, write });
    expect(vi.mocked(print).mock.calls).toEqual([[expected]]);
    const said = stderr.mock.calls.some(([line]) => String(line).startsWith('finish_reason: length;'));
    expect(said).toBe(expected.includes('…'));
  }
  stderr.mockRestore();
});

it('a frame shows a sign for each mask', () => {
  const ids = [...model.tokenizer.encode('The whale')];
  const canvas = Int32Array.from([2, ...ids, 0, 0, ...model.tokenizer.encode(' sea'), 3]);
  expect(frameOf(model, { canvas, offset: 1 } as Step)).toBe('The whale░░ sea');
});

it.each([
  ['abcdef', 4, ['abcd', 'ef']],
  ['abcd', 4, ['abcd']],
  ['鯨a鯨', 4, ['鯨a', '鯨']],
  ['e\u0301e\u0301e', 2, ['e\u0301e\u0301', 'e']],
  ['a\n\nb', 9, ['a', '', 'b']],
  ['a\x1b[2J\r', 9, ['a·[2J·']],
  ['░░░', 2, ['░░', '░']],
] as const)('%j is so many lines of %i columns', (text, columns, lines) => {
  expect(linesOf(text, columns)).toEqual(lines);
});
