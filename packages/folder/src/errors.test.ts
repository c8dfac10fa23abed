import { expect, it } from 'vitest';
import { closing } from './errors.js';

const used = (close: () => Promise<void>) => ({ close });
const fails = (message: string) => () => Promise.reject(new Error(message));

it('an error of the task is the one to show, not one of closing what it used', async () => {
  await expect(closing(used(fails('closing')), fails('first'))).rejects.toThrow('first');
  await expect(
    closing(
      {
        close: () => {
          throw new Error('closing');
        },
      },
      fails('first'),
    ),
  ).rejects.toThrow('first');
});

it('an error of closing is not lost', async () => {
  await expect(closing(used(fails('closing')), () => 1)).rejects.toThrow('closing');
});

it('closes, and gives what the task gives', async () => {
  let closed = 0;
  expect(
    await closing(
      used(async () => void closed++),
      () => 1,
    ),
  ).toBe(1);
  expect(closed).toBe(1);
});
