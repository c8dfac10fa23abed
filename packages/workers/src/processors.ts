import { mustBe } from '@mdiff/arguments';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

// How many threads this process can keep busy: the processors that it may run on, and the share of their time that a container gives it.

/** Reads a file of the system; tests give their own. @returns undefined if there is none */
export type ReadSystemFile = (path: string) => string | undefined;

const systemFile: ReadSystemFile = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** The folders of this process's control group and of all groups above it, innermost first. */
function groupFolders(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return Array.from({ length: names.length + 1 }, (_, up) => ['', ...names.slice(0, names.length - up)].join('/'));
}

/** Processors' worth of time that a quota allows: `max` or a negative quota is no limit. */
function share(quota: string | undefined, period: string | undefined): number {
  const [allowed, each] = [Number(quota), Number(period)];
  return quota !== undefined && allowed > 0 && each > 0 ? allowed / each : Infinity;
}

/**
 * Processors' worth of time that the control groups of this process allow (Linux; `cpu.max` of version 2, `cpu.cfs_quota_us` of version 1); the
 * smallest limit of all groups above it counts. Infinity without a limit.
 */
export function processorQuota(read: ReadSystemFile = systemFile): number {
  const limits = [Infinity];
  for (const line of read('/proc/self/cgroup')?.split('\n') ?? []) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    for (const folder of groupFolders(path)) {
      if (controllers === '') {
        const [quota, period] = read(`/sys/fs/cgroup${folder}/cpu.max`)?.trim().split(' ') ?? [];
        limits.push(share(quota, period));
      } else if (controllers!.split(',').includes('cpu')) {
        const value = (name: string): string | undefined => read(`/sys/fs/cgroup/${controllers}${folder}/${name}`)?.trim();
        limits.push(share(value('cpu.cfs_quota_us'), value('cpu.cfs_period_us')));
      }
    }
  }
  return Math.min(...limits);
}

/**
 * Threads that this process can keep busy: the processors of its affinity mask, or fewer if a container's quota gives it less of their time.
 * A part of a processor does not count, except for the first: more threads than quota are all stopped together when the quota is used up.
 */
export function usableThreads(parallelism: number = availableParallelism(), read: ReadSystemFile = systemFile): number {
  mustBe('usableThreads', 'parallelism', parallelism, 'number');
  mustBe('usableThreads', 'read', read, 'function');
  return Math.max(1, Math.min(parallelism, Math.floor(processorQuota(read))));
}

/** The numbers of a list such as `0-3,8`. */
function numbersOf(list: string): number[] {
  return list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });
}

/**
 * Threads with a core of their own: processors of the affinity mask that share no core (Linux), within the quota. Where the system does not tell,
 * it is `usableThreads`.
 */
export function coreThreads(parallelism: number = availableParallelism(), read: ReadSystemFile = systemFile): number {
  mustBe('coreThreads', 'parallelism', parallelism, 'number');
  mustBe('coreThreads', 'read', read, 'function');
  const usable = usableThreads(parallelism, read);
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  if (allowed === undefined) return usable;
  const cores = new Set<string>();
  for (const processor of numbersOf(allowed)) {
    const siblings = read(`/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`);
    if (siblings === undefined) return usable;
    cores.add(siblings.trim());
  }
  return Math.min(usable, cores.size);
}
