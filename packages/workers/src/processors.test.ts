import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { coreThreads, processorQuota, usableThreads } from './processors.js';

const files =
  (contents: Record<string, string>) =>
  (path: string): string | undefined =>
    contents[path];

const version2 = (limits: Record<string, string>, path = '/kube/pod'): ((path: string) => string | undefined) =>
  files({
    '/proc/self/cgroup': `0::${path}\n`,
    ...Object.fromEntries(Object.entries(limits).map(([folder, max]) => [`/sys/fs/cgroup${folder}/cpu.max`, `${max}\n`])),
  });

describe('processorQuota', () => {
  it('is the smallest limit of a process and the groups above it', () => {
    expect(processorQuota(version2({ '/kube/pod': '150000 100000' }))).toBe(1.5);
    expect(processorQuota(version2({ '/kube/pod': 'max 100000', '/kube': '200000 100000' }))).toBe(2);
    expect(processorQuota(version2({ '/kube/pod': '400000 100000', '': '50000 100000' }))).toBe(0.5);
  });

  it('reads a container, which sees its own group as the root', () => {
    expect(processorQuota(version2({ '': '300000 100000' }, '/'))).toBe(3);
  });

  it('reads version 1', () => {
    const quota = (value: string) =>
      processorQuota(
        files({
          '/proc/self/cgroup': '4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n',
          '/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us': `${value}\n`,
          '/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us': '100000\n',
        }),
      );
    expect(quota('250000')).toBe(2.5);
    expect(quota('-1')).toBe(Infinity);
  });

  it('is no limit where there is none, or nothing to read', () => {
    for (const read of [version2({}), version2({ '/kube/pod': 'max 100000' }), files({}), files({ '/proc/self/cgroup': 'damaged' })])
      expect(processorQuota(read)).toBe(Infinity);
  });
});

describe('usableThreads', () => {
  it('is never more than the quota or the affinity allows, and never less than one', () => {
    const threads = (max: string) => usableThreads(8, version2({ '/kube/pod': max }));
    expect([threads('max 100000'), threads('1600000 100000'), threads('350000 100000'), threads('50000 100000')]).toEqual([8, 8, 3, 1]);
  });

  it('is that of this machine without arguments', () => {
    expect(usableThreads()).toBeGreaterThanOrEqual(1);
    expect(usableThreads()).toBeLessThanOrEqual(availableParallelism());
    expect(coreThreads()).toBeLessThanOrEqual(usableThreads());
  });
});

describe('coreThreads', () => {
  const machine = (siblings: readonly string[], allowed: string) =>
    files({
      '/proc/self/status': `Name:\tnode\nCpus_allowed_list:\t${allowed}\n`,
      ...Object.fromEntries(siblings.map((list, i) => [`/sys/devices/system/cpu/cpu${i}/topology/thread_siblings_list`, `${list}\n`])),
    });
  const paired = ['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7'];

  it('counts two processors of a core once', () => {
    expect(coreThreads(8, machine(paired, '0-7'))).toBe(4);
    expect(coreThreads(3, machine(paired, '0,1,4'))).toBe(2);
    expect(coreThreads(2, machine(paired, '0,4'))).toBe(1);
  });

  it('counts processors without siblings as they are, and all where the system does not tell', () => {
    expect(coreThreads(2, machine(['0', '1'], '0-1'))).toBe(2);
    expect(coreThreads(8, files({}))).toBe(8);
  });
});
