import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc; Linux fixes them at 100 for programs (USER_HZ). */
const ticks = 100;

/**
 * Seconds of processor time that this process and the children it has waited for took so far, user and system.
 * Counts itself alone where there is no /proc.
 */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childSeconds();
}

function childSeconds(): number {
  try {
    return childTicks(readFileSync('/proc/self/stat', 'utf8')) / ticks;
  } catch {
    return 0;
  }
}

/** cutime + cstime of /proc/self/stat (proc_pid_stat(5), fields 16 and 17). The name before them may hold blanks and parentheses. */
export function childTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[13]) + Number(fields[14]);
}
