import { expect, it } from 'vitest';
import { fragmentOf, sharedOf, type Shared } from './share.js';

const shared: Shared = {
  text: 'Call me ___ & “Ahab”,\n100 %.',
  settings: { length: 20, steps: 8, temperature: 0.5, sampler: 'margin', block: 0, seed: 7 },
  placed: [{ at: 8, word: 'a:b' }],
  model: 'moby',
  tab: 'read',
  compare: { seed: 0, model: 'base' },
};

it('a link gives back what it was made of', () => {
  expect(sharedOf(fragmentOf(shared))).toEqual(shared);
  const least = { text: '', settings: {}, placed: [] };
  expect(sharedOf(fragmentOf({ ...least, text: 'a' }))).toEqual({ ...least, text: 'a' });
  expect(sharedOf(fragmentOf({ ...least, compare: {} }))).toEqual({ ...least, compare: {} });
});

it('leaves out what is out of range, because anybody can write a link', () => {
  const odd = '#text=a&length=-1&steps=1.5&temperature=1e9&sampler=best&block=x&seed=4294967296&place=nonsense&place=1:ok&tab=admin';
  expect(sharedOf(odd)).toEqual({ text: 'a', settings: {}, placed: [{ at: 1, word: 'ok' }] });
  expect(sharedOf(`#text=${'x'.repeat(30_000)}`)!.text).toHaveLength(20_000);
});

it('an address without a fragment holds nothing', () => {
  expect(sharedOf('')).toBeNull();
  expect(sharedOf('#')).toBeNull();
});
