import { expect, it } from 'vitest';
import { presetNames } from '../index.js';
import { presetSummaries } from './presetlist.js';

it('lists every preset once, under a name that --preset takes, with what it is for', () => {
  const rows = presetSummaries();
  expect(rows).toHaveLength(presetNames.filter((name) => name.includes('/')).length);
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  for (const { name, about } of rows) {
    expect(about, name).not.toBe('');
    expect(presetNames).toContain(name);
  }
  expect(rows[0]).toEqual({ name: 'default', sets: 'run', about: 'every key at its default' });
});
