import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from './fixture.test.util.js';
import { loadModel } from './load.js';
import { rewrite, type RewriteOptions } from './rewrite.js';

const shifted = await loadModel(fixture('shifted'));
afterAll(() => shifted.close());

const text = 'The whale swam to the sea and the whale swam. naïve\n';
const words = (value: string): string[] => value.split(/(?<= )|(?=[ .\n])/);

describe('rewrite', () => {
  it('writes a share of the words anew and leaves the rest as it is', async () => {
    const { texts } = await rewrite(shifted, text, { share: 0.3, n: 8, seed: 1 });
    expect(new Set(texts.map((result) => result.text)).size).toBeGreaterThan(1);
    for (const result of texts) {
      expect(result.masked).toBe(3);
      expect(shifted.tokenizer.encode(result.text).length).toBeLessThanOrEqual(shifted.tokenizer.encode(text).length);
    }
    expect(words(text).length).toBeGreaterThan(9);
    const all = await rewrite(shifted, text, { share: 1, seed: 1 });
    expect(all.texts[0]!.masked).toBe(11);
  });

  it('writes given words anew, wherever they stand', async () => {
    const { texts } = await rewrite(shifted, text, { words: ['Whale'], n: 4, seed: 2 });
    for (const result of texts) {
      expect(result.masked).toBe(2);
      expect(result.text).toMatch(/^The.+ swam to the sea and the.+ swam\. naïve\n$/s);
    }
  });

  it('writes the words anew that spans touch, and says where they stand', async () => {
    const start = text.indexOf('whale');
    const spans = [
      [start + 1, start + 2],
      [text.indexOf('sea') - 1, text.indexOf('sea')],
      [text.length - 3, text.length],
    ] as const;
    const { texts } = await rewrite(shifted, text, { spans, n: 4, seed: 2 });
    for (const result of texts) {
      expect(result.edits.map(({ before }) => before)).toEqual([' whale', 'naïve', '\n']);
      let rest = text;
      for (const edit of result.edits) {
        expect(result.text.slice(edit.start, edit.end)).toBe(edit.text);
        rest = rest.slice(0, edit.start) + edit.text + rest.slice(edit.start + edit.before.length);
      }
      expect(rest).toBe(result.text);
    }
    const whole = await rewrite(shifted, text, { spans: [[0, text.length]], seed: 2 });
    expect(whole.texts[0]!.edits.map(({ before }) => before).join('')).toBe(text);
  });

  it('is the same for the same seed', async () => {
    const { texts } = await rewrite(shifted, text, { n: 3, seed: 5 });
    expect((await rewrite(shifted, text, { seed: 7 })).texts[0]).toEqual(texts[2]);
  });

  it.each<[string, RewriteOptions, string]>([
    ['', {}, 'text: no word to write anew'],
    ['...', {}, 'text: no word to write anew'],
    ['whale '.repeat(50), {}, 'text: expected at most 31 tokens'],
    [text, { share: 0 }, 'share: expected a number > 0 and <= 1, got 0'],
    [text, { share: 2 }, 'share: expected a number > 0 and <= 1, got 2'],
    [text, { share: 0.5, words: ['sea'] }, 'share: has no effect beside words'],
    [text, { share: 0.5, spans: [[0, 1]] }, 'share: has no effect beside spans'],
    [text, { words: ['sea'], spans: [[0, 1]] }, 'spans: has no effect beside words'],
    [text, { spans: [] }, 'spans: expected a list of at least one [start, end] with 0 <= start < end <= 52'],
    [text, { spans: [[0, 99]] }, 'spans: expected a list of at least one [start, end]'],
    [text, { spans: [[3, 4]] }, 'spans: [[3,4]] hold only blanks'],
    [text, { words: [] }, 'words: expected a list of at least one word, got []'],
    [text, { words: ['harpoon'] }, 'words: "harpoon" does not occur in the text'],
    [text, { stop: ['.'] } as RewriteOptions, 'stop: has no effect in rewrite, because what follows a word stays'],
  ])('%j with %j is refused', async (given, options, message) => {
    await expect(rewrite(shifted, given, options)).rejects.toThrow(message);
  });
});
