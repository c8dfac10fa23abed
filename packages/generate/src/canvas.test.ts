import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@mdiff/text';
import { describe, expect, it } from 'vitest';
import { layOut, minutesBehindGap, parseGaps, spaceTokens, windowLimit } from './canvas.js';
import type { ModelFolderConfig } from '@mdiff/folder';
import { fixture } from './fixture.test.util.js';

const read = (name: 'shifted' | 'plain', file: string) => readFileSync(join(fixture(name), file), 'utf8');
const tokenizer = Tokenizer.fromJson(read('shifted', 'tokenizer.json'));
const shifted = JSON.parse(read('shifted', 'config.json')) as ModelFolderConfig;
const plain = JSON.parse(read('plain', 'config.json')) as ModelFolderConfig;
const words = (ids: Iterable<number>) =>
  [...ids].map((id) => (id < 5 ? ['[MASK]', '[PAD]', '[BOS]', '[EOS]', '[SEP]'][id] : tokenizer.decode([id])));

describe('layOut', () => {
  it('puts [BOS] in front only where the head is shifted, and [EOS] behind a closed text', () => {
    const open = layOut(['Call me', { gap: 2 }], shifted, tokenizer, { closed: false });
    expect(words(open.ids)).toEqual(['[BOS]', 'Call', ' me', '[MASK]', '[MASK]']);
    expect(open.gaps).toEqual([{ start: 3, length: 2, spaced: false }]);
    expect(open.textTokens).toBe(2);
    const closed = layOut(['Call', { gap: 1 }, '.'], plain, tokenizer, { closed: true });
    expect(words(closed.ids)).toEqual(['Call', '[MASK]', '.', '[EOS]']);
    expect(closed.offset).toBe(0);
  });

  it('leaves a space before a gap to the gap, and only one', () => {
    const one = layOut(['Call ', { gap: 1 }, ' the', { gap: 1 }], shifted, tokenizer, { closed: true });
    expect(words(one.ids)).toEqual(['[BOS]', 'Call', '[MASK]', ' the', '[MASK]', '[EOS]']);
    expect(one.gaps.map(({ spaced }) => spaced)).toEqual([true, false]);
    const two = layOut(['Call  ', { gap: 1 }], shifted, tokenizer, { closed: true });
    expect(words(two.ids)).toEqual(['[BOS]', 'Call', ' ', '[MASK]', '[EOS]']);
    const between = layOut([{ gap: 1 }, ' ', { gap: 1 }], shifted, tokenizer, { closed: true });
    expect(between.gaps.map(({ spaced }) => spaced)).toEqual([false, true]);
  });

  it('treats reserved words typed by a user as ordinary text', () => {
    const { ids } = layOut(['[MASK] [EOS]', { gap: 1 }], shifted, tokenizer, { closed: true });
    expect([...ids].filter((id) => id === 0)).toHaveLength(1);
    expect([...ids].filter((id) => id === 3)).toHaveLength(1);
    expect(tokenizer.decode(ids)).toBe('[MASK] [EOS]');
  });

  it('refuses a text longer than the model, naming max_seq_len', () => {
    expect(windowLimit(shifted)).toBe(31);
    expect(windowLimit(plain)).toBe(32);
    expect(() => layOut([{ gap: 30 }], shifted, tokenizer, { closed: true })).not.toThrow();
    expect(() => layOut([{ gap: 31 }], shifted, tokenizer, { closed: true })).toThrow(
      'text: expected at most 31 tokens, gaps and [EOS] included (model.max_seq_len 32), got 32; shorten the text or the gaps',
    );
    expect(() => layOut([{ gap: 1e15 }], shifted, tokenizer, { closed: true })).toThrow('model.max_seq_len');
    expect(() => layOut([{ gap: 0 }], shifted, tokenizer, { closed: true })).toThrow('gap: expected an integer >= 1');
  });
});

describe('parseGaps', () => {
  it('finds gaps of stated and default size', () => {
    expect(parseGaps('Call ___ me ___:3.')).toEqual(['Call ', { gap: [1, 12] }, ' me ', { gap: 3 }, '.']);
    expect(parseGaps('a ___{2,5}', { tokens: 2 })).toEqual(['a ', { gap: [2, 5] }]);
    expect(parseGaps('___', { tokens: [2, 3] })).toEqual([{ gap: [2, 3] }]);
    expect(parseGaps('______', { tokens: 2 })).toEqual([{ gap: 2 }]);
    expect(parseGaps('a <?> b ___', { marker: '<?>', tokens: 1 })).toEqual(['a ', { gap: 1 }, ' b ___']);
  });

  it('takes minutes, verses and other figures after a colon for text', () => {
    expect(parseGaps('The gate shuts at ___:30.')).toEqual(['The gate shuts at ', { gap: [1, 12] }, ':30.']);
    expect(parseGaps('___:05')).toEqual([{ gap: [1, 12] }, ':05']);
    expect(parseGaps('___: 5')).toEqual([{ gap: [1, 12] }, ': 5']);
    expect(parseGaps('___{12}:30 ___{2} ___:120')).toEqual([{ gap: 12 }, ':30 ', { gap: 2 }, ' ', { gap: 120 }]);
  });

  it('names digits that are minutes and may have been meant as tokens', () => {
    expect(minutesBehindGap('Call me ___:8, at ____:40 or ___:50.')).toBe('40');
    expect(minutesBehindGap('<?>:05', '<?>')).toBe('05');
    for (const text of ['___{40}', '___:400', '___:4', '___: 40', 'at 10:40 ___', 'nothing'])
      expect(minutesBehindGap(text), text).toBeUndefined();
  });

  it('says when there is none', () => {
    expect(() => parseGaps('Call me')).toThrow('text: no gap found; write ___ where mdiff should fill in text');
    expect(() => parseGaps('a', { marker: '' })).toThrow('gap marker: expected at least one character');
  });
});

it('spaceTokens knows the tokens that begin with a space', () => {
  const ids = spaceTokens(tokenizer);
  expect(ids).toContain(tokenizer.encode(' whale')[0]);
  expect(ids).not.toContain(tokenizer.encode('Call')[0]);
});
