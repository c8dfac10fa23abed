import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { borrowWorker } from './lend.js';
import type { Remote } from './messages.js';

const entry = new URL('./fixture.test.util.ts', import.meta.url);
const borrowed: Remote[] = [];
const borrow = (env: Record<string, string> = {}): Remote => {
  const remote = borrowWorker(entry, { env });
  borrowed.push(remote);
  return remote;
};
afterEach(async () => {
  // One that has failed is not free afterwards, so each test begins without a free thread.
  borrow();
  for (const remote of borrowed.splice(0)) {
    await remote.call('fail').catch(() => undefined);
    await remote.close();
  }
});
const thread = (remote: Remote): Promise<number> => remote.call<number>('thread');

describe('a borrowed thread', () => {
  it('is used again after it was given back, and not before', async () => {
    const [a, b] = [borrow(), borrow()];
    const [first, second] = [await thread(a), await thread(b)];
    expect(second).not.toBe(first);
    // One of two is kept, and the end of the other does not lose it.
    await Promise.all([a.close(), a.close()]);
    await b.close();
    await expect(thread(a)).rejects.toThrow('the worker thread is closed');
    const c = borrow();
    expect(await thread(c)).toBe(first);
    expect(await c.call('ends')).toBe(1);
  });

  it('is not used again after a call that failed, in the middle of a call, when it has ended, or with another environment', async () => {
    const failed = borrow();
    const threads = [await thread(failed)];
    await failed.call('fail').catch(() => undefined);
    await failed.close();
    const busy = borrow();
    threads.push(await thread(busy));
    const slow = busy.call('slow', 'a').catch((error: Error) => error.message);
    await busy.close();
    expect(['a', 'the worker thread is closed']).toContain(await slow);
    const other = borrow({ WHALE: 'white' });
    threads.push(await thread(other));
    await other.close();
    const ending = borrow();
    threads.push(await thread(ending));
    await ending.close();
    const again = borrow();
    expect(await thread(again)).toBe(threads.at(-1));
    await expect(again.call('exit', 3)).rejects.toMatchObject({ code: 'MDIFF_WORKER_ENDED' });
    threads.push(await thread(borrow()));
    expect(new Set(threads).size).toBe(threads.length);
  });

  it('keeps no process alive while it is free', () => {
    const lend = JSON.stringify(new URL('./lend.ts', import.meta.url).href);
    const code = `const { borrowWorker } = await import(${lend});
      const remote = borrowWorker(new URL(${JSON.stringify(entry.href)}));
      console.log(await remote.call('square', 3));
      await remote.close();`;
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--conditions=@mdiff/source', '--import', import.meta.resolve('tsx'), '--input-type=module', '-e', code],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 25_000 },
    );
    expect([stdout, status]).toEqual(['9\n', 0]);
  });
});
