import { readFileSync } from 'node:fs';

/** Largest resident memory of this process so far, 10⁶ bytes. VmHWM is the process's own; maxRSS would include the parent it was forked from. */
export function peakMb(): number {
  try {
    return (Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024) / 1e6;
  } catch {
    return (process.resourceUsage().maxRSS * 1024) / 1e6;
  }
}
