import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { childTicks, processorSeconds } from './processor.js';

describe('processor time', () => {
  it('reads the ticks of children from /proc, whatever the name of the program', () => {
    expect(childTicks('7 (node (x) 9) S 1 7 7 0 -1 4194560 100 200 0 0 50 6 30 4 20 0 11 0 5')).toBe(34);
  });

  it.runIf(process.platform === 'linux')('counts a child that has ended', () => {
    const before = processorSeconds();
    const { user, system } = process.cpuUsage();
    execFileSync(process.execPath, ['-e', 'while (process.cpuUsage().user < 120_000);']);
    const own = process.cpuUsage({ user, system });
    expect(processorSeconds() - before).toBeGreaterThanOrEqual(0.1 + (own.user + own.system) / 1e6 - 0.02);
  });
});
