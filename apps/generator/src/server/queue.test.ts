import { expect, it } from 'vitest';
import { createQueue, QueueFull } from './queue.js';

const never = new AbortController().signal;
const gate = () => {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
};

it('runs one job at a time, first come first served', async () => {
  const queue = createQueue({ running: 1, waiting: 5 });
  const log: string[] = [];
  const job = (name: string) => async () => {
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all(['a', 'b', 'c'].map((name) => queue.run(job(name), never)))).toEqual(['a', 'b', 'c']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(queue.size).toBe(0);
});

it('refuses what does not fit in line and goes on after a failure', async () => {
  const queue = createQueue({ running: 1, waiting: 1 });
  const { promise, open } = gate();
  const first = queue.run(() => promise, never);
  const second = queue.run(() => Promise.reject(new Error('broken')), never);
  await expect(queue.run(async () => 3, never)).rejects.toBeInstanceOf(QueueFull);
  open();
  await first;
  await expect(second).rejects.toThrow('broken');
  expect(await queue.run(async () => 4, never)).toBe(4);
});

it('lets a job leave the line at once, without letting the next overtake', async () => {
  const queue = createQueue({ running: 1, waiting: 2 });
  const { promise, open } = gate();
  const log: string[] = [];
  const first = queue.run(() => promise.then(() => log.push('first')), never);
  const controller = new AbortController();
  const second = queue.run(async () => log.push('second'), controller.signal);
  const third = queue.run(async () => log.push('third'), never);
  controller.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  expect(queue.size).toBe(2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual([]);
  open();
  await Promise.all([first, third]);
  expect(log).toEqual(['first', 'third']);
});

it('runs several jobs at a time, and gives each place to the next in line', async () => {
  const queue = createQueue({ running: 2, waiting: 2 });
  const gates = [gate(), gate(), gate(), gate()];
  const begun: number[] = [];
  const jobs = gates.map(({ promise }, i) =>
    queue.run(async () => {
      begun.push(i);
      await promise;
    }, never),
  );
  await expect(queue.run(async () => 5, never)).rejects.toBeInstanceOf(QueueFull);
  expect([begun, queue.running, queue.size]).toEqual([[0, 1], 2, 4]);
  gates[1]!.open();
  await jobs[1];
  expect([begun, queue.running, queue.size]).toEqual([[0, 1, 2], 2, 3]);
  for (const { open } of gates) open();
  await Promise.all(jobs);
  expect([begun, queue.running, queue.size]).toEqual([[0, 1, 2, 3], 0, 0]);
});
