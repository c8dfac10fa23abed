import { projectConfig } from '@mdiff/config';
import { assemble } from '@mdiff/curriculum';
import { RESERVED } from '@mdiff/folder';
import { SPECIAL, SPECIAL_TOKENS } from '@mdiff/text';
import { expect, test } from 'vitest';

// The model folder owns the reserved ids. Packages that may not import it have their own, and these must be the same.

test('the tokenizer reserves the ids of the model folder, in their order', () => {
  expect(SPECIAL).toEqual(RESERVED);
  expect(SPECIAL_TOKENS).toEqual(Object.keys(RESERVED).map((name) => `[${name.toUpperCase()}]`));
});

test('batches are laid out with them', () => {
  const unit = { id: 0, tokens: [7, 8] } as unknown as Parameters<typeof assemble>[0][0][0];
  const { ids } = assemble([[unit]], 1, { length: 6, shiftHead: true });
  expect([...ids]).toEqual([RESERVED.bos, 7, 8, RESERVED.eos, RESERVED.pad, RESERVED.pad]);
});

test('the configuration masks with the same id, and its smallest vocabulary has room for them', () => {
  expect(projectConfig({}).model.mask_token_id).toBe(RESERVED.mask);
  const smallest = Object.keys(RESERVED).length + 256;
  expect(projectConfig({ tokenizer: { type: 'bpe' }, model: { vocab_size: smallest } }).model.vocab_size).toBe(smallest);
  expect(() => projectConfig({ tokenizer: { type: 'bpe' }, model: { vocab_size: smallest - 1 } })).toThrow(
    `>= ${smallest} (5 reserved ids and 256 bytes)`,
  );
});
