import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TextError } from '../error.js';
import { MIN_VOCAB, SPECIAL_TOKENS, Tokenizer, type TokenizerJson } from './tokenizer.js';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8');
const json = fixture('tokenizer.json');
const tokenizer = Tokenizer.fromJson(json);

interface Native {
  encode(text: string): Promise<{ getIds(): number[] }>;
  decode(ids: number[], skipSpecial: boolean): Promise<string>;
}
const { Tokenizer: NativeTokenizer } = createRequire(import.meta.url)('tokenizers') as { Tokenizer: { fromString(json: string): Native } };

// Characters on which regular expression dialects and byte tables differ, mixed with any others.
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."aT 0\n\t\r's’—é漢😀\u0085\u00a0\ufeff\u2028\u200b\u3000²Ⅷ\u0301\u0000[]", "'ll", '[MASK]', ' the'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 40,
});

describe('encode and decode', () => {
  it('give back any well-formed string', () => {
    fc.assert(
      fc.property(anyText, (text) => tokenizer.decode(tokenizer.encode(text)) === text),
      { numRuns: 2000 },
    );
  });

  it('never produce a reserved id for any text', () => {
    fc.assert(fc.property(anyText, (text) => tokenizer.encode(`${text}[MASK][EOS]`).every((id) => id >= SPECIAL_TOKENS.length)));
    expect(tokenizer.decode(tokenizer.encode('a [MASK] b'))).toBe('a [MASK] b');
  });

  it('agree with the native Hugging Face tokenizers on the same tokenizer.json', async () => {
    const native = NativeTokenizer.fromString(json);
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const ids = (await native.encode(text)).getIds();
        expect([...tokenizer.encode(text)]).toEqual(ids);
        expect(await native.decode(ids, true)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(JSON.parse(fixture('ids.json')) as { text: string; ids: number[] }[])(
    'give the ids of Python tokenizers: $text',
    ({ text, ids }) => {
      expect([...tokenizer.encode(text)]).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text);
    },
  );

  it('drop reserved ids, and mark a character cut short', () => {
    const ids = [...tokenizer.encode('漢')];
    expect(tokenizer.decode([2, ...ids, 3, 1, 0, 4])).toBe('漢');
    expect(tokenizer.decode(ids.slice(0, 2))).toBe('\uFFFD');
    expect(tokenizer.decode([])).toBe('');
  });

  it('refuse ids outside the vocabulary', () => {
    expect(() => tokenizer.decode([tokenizer.vocabSize])).toThrow(RangeError);
    expect(() => tokenizer.decode([-1])).toThrow(RangeError);
  });

  it('read a lone surrogate as U+FFFD', () => {
    expect(tokenizer.decode(tokenizer.encode('a\ud800b'))).toBe('a\uFFFDb');
  });

  it('take a long run without blanks in well under quadratic time', () => {
    const before = process.cpuUsage();
    const text = 'thewhale'.repeat(50_000);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    // 400,000 characters in one word take about 0.2 s; a quadratic merge loop takes minutes.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(10);
  });
});

describe('fromJson', () => {
  it('is undone by toJson', () => {
    expect(tokenizer.toJson()).toEqual(JSON.parse(json));
    expect(tokenizer.vocabSize).toBe(512);
  });

  it('accepts merges written as one string', () => {
    const old = JSON.parse(json) as TokenizerJson;
    old.model.merges = old.model.merges.map((merge) => (merge as [string, string]).join(' '));
    expect(Tokenizer.fromJson(old).encode('Call me Ishmael.')).toEqual(tokenizer.encode('Call me Ishmael.'));
  });

  it('reads a file that Python wrote, and gives one with the same ids: no truncation, no padding, "[MASK]" in a text stays text', async () => {
    const given = Tokenizer.fromJson(fixture('given.json'));
    expect(given.vocabSize).toBe(320);
    const native = NativeTokenizer.fromString(JSON.stringify(given.toJson()));
    for (const text of ['a [MASK] b[EOS]', 'the creature '.repeat(200), '漢']) {
      expect((await native.encode(text)).getIds()).toEqual([...given.encode(text)]);
      expect(given.decode(given.encode(text))).toBe(text);
    }
    expect(given.encode('the creature '.repeat(200)).length).toBeGreaterThan(128);
  });

  const broken: [name: string, change: (json: TokenizerJson) => void, message: RegExp][] = [
    ['another model', (j) => (j.model.type = 'WordPiece'), /expected model.type "BPE".*got "WordPiece"/],
    ['a prefix space', (j) => (j.pre_tokenizer.add_prefix_space = true), /expected pre_tokenizer "ByteLevel" without a prefix space/],
    ['a normalizer', (j) => Object.assign(j, { normalizer: { type: 'NFC' } }), /expected no normalizer/],
    ['a moved reserved id', (j) => (j.model.vocab['[MASK]'] = 7), /expected "\[MASK\]" at id 0, got 7/],
    ['a missing byte', (j) => delete j.model.vocab['Ā'], /byte 0 has none/],
    ['an id twice', (j) => (j.model.vocab['!'] = 6), /expected ids 0 to 511, each once/],
    [
      'a token added to the model',
      (j) => j.added_tokens.push({ id: 512, content: '<|endoftext|>' }),
      /expected no added tokens beside the reserved ones, got "<\|endoftext\|>"/,
    ],
    ['a merge of unknown tokens', (j) => j.model.merges.push(['zz', 'qq']), /merge 251 names "zz"/],
  ];
  it.each(broken)('refuses %s', (_, change, message) => {
    const copy = JSON.parse(json) as TokenizerJson;
    change(copy);
    expect(() => Tokenizer.fromJson(copy)).toThrow(message);
  });

  it('refuses text that is not JSON, with a code', () => {
    expect(() => Tokenizer.fromJson('{"model":')).toThrow(TextError);
    expect(() => Tokenizer.fromJson('{"model":')).toThrow(expect.objectContaining({ code: 'MDIFF_TOKENIZER', exitCode: 2 }));
    expect(() => Tokenizer.fromJson('null')).toThrow(/expected model.type "BPE"/);
  });
});

describe('fromMerges', () => {
  it('has the reserved ids and the bytes without any merge', () => {
    const bytes = Tokenizer.fromMerges([]);
    expect(bytes.vocabSize).toBe(MIN_VOCAB);
    expect(bytes.encode('aé').length).toBe(3);
  });

  it('merges the lowest rank first, leftmost first', () => {
    const merged = Tokenizer.fromMerges([
      ['a', 'a'],
      ['aa', 'a'],
    ]);
    expect([...merged.encode('aaa')]).toEqual([MIN_VOCAB + 1]);
    expect([...merged.encode('aaaaa')]).toEqual([MIN_VOCAB, MIN_VOCAB + 1]);
  });
});

describe('fromJsonInSlices', () => {
  it('makes the same tokenizer, with a pause for about every thousand tokens and merges', async () => {
    const names = Array.from({ length: 5000 }, (_, i) =>
      i
        .toString(26)
        .padStart(3, '0')
        .replace(/\d/g, (digit) => 'klmnopqrst'[Number(digit)]!),
    );
    const pairs = names.flatMap((name) => [[name[0]!, name[1]!] as const, [name.slice(0, 2), name[2]!] as const]);
    const seen = new Set<string>();
    const merges = pairs.filter((pair) => !seen.has(pair.join('')) && seen.add(pair.join('')));
    const whole = Tokenizer.fromMerges(merges);
    let pauses = 0;
    const sliced = await Tokenizer.fromJsonInSlices(whole.toJson(), async () => void pauses++);
    expect(pauses).toBeGreaterThanOrEqual(Math.floor(whole.vocabSize / 1024) + Math.floor(merges.length / 1024));
    for (const text of ['kkl mno pqr', names.join(' ')]) expect(sliced.encode(text)).toEqual(whole.encode(text));
    expect(sliced.toJson()).toEqual(whole.toJson());
  });

  it('refuses what fromJson refuses', async () => {
    await expect(Tokenizer.fromJsonInSlices('{"model":', async () => undefined)).rejects.toThrow(TextError);
  });
});
