import { afterEach, expect, it, vi } from 'vitest';
import { Interrupted } from './failure.js';
import { interruptible, stopSavingTasks } from './interrupt.js';

afterEach(() => vi.restoreAllMocks());

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'the first %s aborts the task; the error says so and has the exit code 130',
  async (signal) => {
    const before = process.listenerCount(signal);
    const running = interruptible(untilAborted, { stopped: 'stopped; nothing was changed' });
    process.emit(signal, signal);
    await expect(running).rejects.toThrow(new Interrupted('stopped; nothing was changed'));
    await expect(running).rejects.toMatchObject({ code: 'MDIFF_INTERRUPTED', exitCode: 130 });
    expect(process.listenerCount(signal)).toBe(before);
  },
);

it.each(['SIGINT', 'SIGTERM'] as const)('the second signal, %s, ends the process by that signal', async (signal) => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  const onStop = vi.fn();
  await interruptible(
    async () => {
      process.emit('SIGINT', 'SIGINT');
      expect(kill).not.toHaveBeenCalled();
      process.emit(signal, signal);
      expect(kill.mock.calls).toEqual([[process.pid, signal]]);
    },
    { onStop },
  );
  expect(onStop).toHaveBeenCalledTimes(1);
});

it.each([
  ['a closed terminal, which sends SIGHUP twice', () => process.emit('SIGHUP', 'SIGHUP'), 'SIGHUP'],
  ['Ctrl-C before the terminal is closed', () => process.emit('SIGINT', 'SIGINT'), 'SIGHUP'],
  ['Ctrl-C in a pipe that has broken', () => stopSavingTasks(), 'SIGINT'],
] as const)('%s: the task still saves', async (_title, first, signal) => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  await interruptible(
    async ({ aborted }) => {
      expect(aborted).toBe(false);
      first();
      process.emit(signal, signal);
    },
    { saves: true },
  );
  expect(kill).not.toHaveBeenCalled();
});

it('a task may end well after it was stopped, and fails with its own error unless there is another word for it', async () => {
  const saved = interruptible(async (signal) => {
    process.emit('SIGINT', 'SIGINT');
    return signal.aborted;
  });
  expect(await saved).toBe(true);
  const failed = interruptible(async () => {
    process.emit('SIGINT', 'SIGINT');
    throw new Error('no space left');
  });
  await expect(failed).rejects.toThrow('no space left');
});

it('stops only tasks that save when nobody reads their output', async () => {
  await interruptible(async (signal) => {
    expect(stopSavingTasks()).toBe(false);
    expect(signal.aborted).toBe(false);
  });
  await interruptible(
    async (signal) => {
      expect(stopSavingTasks()).toBe(true);
      expect(stopSavingTasks()).toBe(true);
      expect(signal.aborted).toBe(true);
    },
    { saves: true },
  );
});
