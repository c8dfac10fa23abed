// A real Chromium, from two npm packages: one drives it, the other holds the program and unpacks it.
import { readdirSync, readFileSync } from 'node:fs';
import chromium from '@sparticuz/chromium';
import { chromium as driver } from 'playwright-core';

/** Starts Chromium, runs `use` with it, and ends its process whatever happens. */
export async function withChromium(use, args = []) {
  const browser = await driver.launch({
    executablePath: await chromium.executablePath(),
    // The sandbox needs rights that a container rarely grants; the pages come from this repository.
    args: ['--no-sandbox', ...args],
    headless: true,
  });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

/** Processor time in ms that the processes below this one have used so far: Chromium's, for it starts no other. Linux counts in 10 ms. */
export function processorTime() {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // The name of a process may hold anything, so the fields are counted from its end.
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
        return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return []; // it has ended
      }
    });
  const below = new Set([process.pid]);
  // A set hands out what is added while it is walked.
  for (const pid of below) for (const one of processes) if (one.parent === pid) below.add(one.pid);
  return 10 * processes.filter(({ pid }) => pid !== process.pid && below.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0);
}
