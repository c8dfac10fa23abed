import { describe, expect, it } from 'vitest';

import { TextError } from '../error.js';
import { loadSource } from '../read/source.js';
import { trainBpe } from './train.js';

const text = 'the whale and the sea and the ship and the captain of the ship '.repeat(20);

describe('trainBpe', () => {
  it('reaches exactly the size asked for, and a smaller vocabulary is the head of a larger one', async () => {
    const [small, large] = await Promise.all([trainBpe([text], { vocabSize: 270 }), trainBpe([text], { vocabSize: 280 })]);
    expect(small).toMatchObject({ reached: 270, clamped: false });
    expect(large.reached).toBe(280);
    expect(large.tokenizer.toJson().model.merges.slice(0, 9)).toEqual(small.tokenizer.toJson().model.merges);
    expect(large.tokenizer.encode(text).length).toBeLessThan(small.tokenizer.encode(text).length);
  });

  it('says when the text supports fewer', async () => {
    const { reached, clamped, tokenizer } = await trainBpe([text], { vocabSize: 5000 });
    expect(clamped).toBe(true);
    expect(reached).toBe(tokenizer.vocabSize);
    expect(reached).toBeGreaterThan(261);
    expect(reached).toBeLessThan(400);
  });

  it('gives the same ids for the same text, and codes an unseen chapter in fewer than a third of its bytes', async () => {
    const { documents } = await loadSource('builtin:moby-dick');
    const texts = documents[0]!.sections.map(({ paragraphs }) => paragraphs.map((paragraph) => paragraph.text).join('\n'));
    const unseen = texts.pop()!;
    const [first, second] = await Promise.all([trainBpe(texts, { vocabSize: 4096 }), trainBpe(texts, { vocabSize: 4096 })]);
    expect(first.tokenizer.toJson()).toEqual(second.tokenizer.toJson());
    expect(first.tokenizer.encode(unseen).length).toBeLessThan(Buffer.byteLength(unseen) / 3);
  });

  it('refuses sizes below the bytes, and nothing to learn from', async () => {
    await expect(trainBpe([text], { vocabSize: 260 })).rejects.toThrow('expected vocabSize >= 261');
    await expect(trainBpe(['', ' \n'], { vocabSize: 300 })).rejects.toThrow(TextError);
  });
});
