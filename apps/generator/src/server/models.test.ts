import type { Model } from '@mdiff/generate';
import { expect, it } from 'vitest';
import { modelsOf } from './models.js';

it('gives a new version to those who come, and closes the old one when the last of its users has gone', async () => {
  const closed: string[] = [];
  const version = (name: string): Model => ({ name, close: async () => void closed.push(name) }) as unknown as Model;
  const models = modelsOf([{ name: 'whale', model: Promise.resolve(version('first')) }]);
  await Promise.resolve();
  let finish!: () => void;
  const used = models.use('whale', async ({ model }) => {
    await new Promise<void>((resolve) => (finish = resolve));
    return model.name;
  });
  models.replace('whale', { model: version('second'), sampling: { n: 2 } });
  expect(models.get('whale')).toMatchObject({ model: { name: 'second' }, sampling: { n: 2 } });
  expect(await models.use(null, async ({ model }) => model.name)).toBe('second');
  expect(closed).toEqual([]);
  finish();
  expect(await used).toBe('first');
  expect(closed).toEqual(['first']);
  models.replace('whale', { model: version('third'), sampling: {} });
  expect(closed).toEqual(['first', 'second']);
  expect(models.ready).toBe(true);
});
