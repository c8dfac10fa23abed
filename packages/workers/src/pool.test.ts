import { describe, expect, it } from 'vitest';
import { openPool } from './pool.js';

const entry = new URL('./fixture.test.util.ts', import.meta.url);

describe('a pool', () => {
  it('gives every task its own result', async () => {
    const pool = openPool(entry, 2);
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    expect(await Promise.all(numbers.map((i) => pool.run('square', i)))).toEqual(numbers.map((i) => i * i));
    await pool.close();
  });

  it('does urgent tasks before those that wait, after those in hand', async () => {
    const pool = openPool(entry, 1);
    const tasks = ['a', 'b', 'c', 'd'].map((name) => pool.run('slow', name));
    await Promise.all([...tasks, pool.run('slow', 'urgent', { first: true })]);
    expect(await pool.run('order', null)).toEqual(['a', 'b', 'urgent', 'c', 'd']);
    await pool.close();
  });

  it('goes on after a task that fails', async () => {
    const pool = openPool(entry, 1);
    await expect(pool.run('fail', null)).rejects.toMatchObject({ code: 'MDIFF_WHALE' });
    expect(await pool.run('square', 4)).toBe(16);
    await pool.close();
  });

  it('ends what runs and rejects what waits when it closes', async () => {
    const pool = openPool(entry, 1);
    const tasks = ['a', 'b', 'c'].map((name) => pool.run('slow', name));
    const settled = Promise.allSettled(tasks);
    await pool.close(new Error('interrupted'));
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await expect(tasks[2]).rejects.toThrow('interrupted');
    await expect(pool.run('square', 1)).rejects.toThrow('interrupted');
    await pool.close();
  });
});
