import { expect, it } from 'vitest';
import { remembered } from './memo.js';

it('makes each result once, and forgets the one that was not used for longest', () => {
  const made: string[] = [];
  const memo = remembered<string>(2);
  const get = (key: string): string => memo(key, () => (made.push(key), `${key}!`));
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map(get)).toEqual(['a!', 'b!', 'a!', 'c!', 'a!', 'b!']);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});
