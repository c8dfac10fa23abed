import type { Model } from '@mdiff/generate';
import { describe, expect, it, vi } from 'vitest';
import { modelsOf, type LoadedModel } from './models.js';

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

describe('a model whose inference thread has died', () => {
  const ended = Object.assign(new Error('the worker thread ended (exit code 1)'), { code: 'MDIFF_WORKER_ENDED' });
  const version = () => ({ model: { name: 'whale', close: () => Promise.resolve() } as Model, sampling: {} });

  it('is loaded again: its requests get 503 and come again, the next ones find the new one', async () => {
    const faults: Error[] = [];
    const [first, second] = [version(), version()];
    let open!: (version: LoadedModel) => void;
    const reopen = vi.fn(() => new Promise<LoadedModel>((resolve) => (open = resolve)));
    const models = modelsOf([{ name: 'whale', model: Promise.resolve(first.model), reopen }], { onFault: (error) => faults.push(error) });
    await Promise.resolve();
    const failing = [1, 2].map(() => models.use('whale', () => Promise.reject(ended)));
    for (const request of failing)
      await expect(request).rejects.toMatchObject({ status: 503, headers: { 'retry-after': '1' }, details: { code: 'model_restarting' } });
    expect([reopen.mock.calls.length, faults, models.ready]).toEqual([1, [ended], false]);
    expect(() => models.get('whale')).toThrow('still loading');
    open(second);
    await new Promise(setImmediate);
    expect(models.ready).toBe(true);
    expect(await models.use('whale', ({ model }) => Promise.resolve(model))).toBe(second.model);
  });

  it('is tried again by the next request if it could not be loaded; other errors lose nothing', async () => {
    const faults: string[] = [];
    const reopen = vi.fn(() => Promise.reject<LoadedModel>(new Error('no such folder')));
    const models = modelsOf([{ name: 'whale', model: Promise.resolve(version().model), reopen }], {
      onFault: ({ message }) => faults.push(message),
    });
    await Promise.resolve();
    await expect(models.use('whale', () => Promise.reject(new Error('another')))).rejects.toThrow('another');
    expect(models.ready).toBe(true);
    await expect(models.use('whale', () => Promise.reject(ended))).rejects.toMatchObject({ status: 503 });
    await new Promise(setImmediate);
    expect(() => models.get('whale')).toThrow('still loading');
    await new Promise(setImmediate);
    expect([reopen.mock.calls.length, faults]).toEqual([2, [ended.message, 'no such folder', 'no such folder']]);
  });
});
