import { afterEach, describe, expect, it } from 'vitest';
import { startProcess, startWorker } from './calls.js';
import type { Remote } from './messages.js';

const entry = new URL('./fixture.test.util.ts', import.meta.url);
let remote: Remote | undefined;
afterEach(async () => {
  await remote?.close();
  remote = undefined;
});

describe.each([
  ['a worker thread', startWorker],
  ['a child process', startProcess],
])('calls into %s', (_, start) => {
  it('return results, in the order of the calls', async () => {
    remote = start(entry, { env: { WHALE: 'white' } });
    expect(await Promise.all([remote.call('square', 12), remote.call('variable', 'WHALE')])).toEqual([144, 'white']);
    const answered: string[] = [];
    await Promise.all(['a', 'b', 'c'].map((name) => remote!.call<string>('slow', name).then((answer) => answered.push(answer))));
    expect([answered, await remote.call('order')]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
  });

  it('carry typed arrays, and the code of an error', async () => {
    remote = start(entry);
    expect(await remote.call('double', Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(2, 4, 6));
    await expect(remote.call('fail')).rejects.toMatchObject({ message: 'no such whale', code: 'MDIFF_WHALE', exitCode: 2 });
    expect(await remote.call('square', 3)).toBe(9); // a failed call ends nothing
  });

  it('are rejected when it ends, those that wait and those that come', async () => {
    remote = start(entry);
    const waiting = [remote.call('exit', 3), remote.call('square', 2)];
    for (const { status, reason } of (await Promise.allSettled(waiting)) as PromiseRejectedResult[])
      expect([status, (reason as Error).message]).toEqual(['rejected', expect.stringMatching(/ended \(exit code 3\)/)]);
    await expect(remote.call('square', 2)).rejects.toThrow('exit code 3');
  });
});

describe('a worker thread', () => {
  it('that has ended is told from a call that failed by its code', async () => {
    remote = startWorker(entry);
    await expect(remote.call('exit', 3)).rejects.toMatchObject({ code: 'MDIFF_WORKER_ENDED' });
  });

  it('finishes the call that it is at when it is closed, and begins no other', async () => {
    remote = startWorker(entry);
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const calls = Promise.allSettled([remote.call('hold', flag), remote.call('square', 1)]);
    while (Atomics.load(flag, 0) === 0) await new Promise(setImmediate);
    const ended = Promise.all([remote.close(), remote.close()]);
    Atomics.store(flag, 0, 2);
    Atomics.notify(flag, 0);
    await ended;
    expect(await calls).toMatchObject([{ value: 'held' }, { reason: { message: 'the worker thread is closed' } }]);
    await expect(remote.call('square', 2)).rejects.toThrow('the worker thread is closed');
  });

  it('gets the buffers that are moved to it, and not a copy', async () => {
    remote = startWorker(entry);
    const bytes = Uint8Array.of(5);
    expect(await remote.call('double', bytes, [bytes.buffer])).toEqual(Uint8Array.of(10));
    expect(bytes.byteLength).toBe(0);
  });
});
