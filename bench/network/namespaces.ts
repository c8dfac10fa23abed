import { spawnSync } from 'node:child_process';

// Two network namespaces with a veth pair between them: two machines with a cable, as far as TCP can tell. Each has a host name of its own.

export interface Net {
  /** the namespace, the address, the interface and the host name of each side */
  readonly sides: readonly [Side, Side];
  readonly subnet: string;
}

export interface Side {
  namespace: string;
  address: string;
  device: string;
  host: string;
}

/** A network that only this process uses: names carry its number. */
export function netOf(pid: number): Net {
  const side = (i: number): Side => ({
    namespace: `mdiff-bench-${pid}-${i}`,
    address: `10.98.0.${i + 1}`,
    device: `mdb${pid}${'ab'[i]}`,
    host: `mdiff-bench-${i}`,
  });
  return { sides: [side(0), side(1)], subnet: '10.98.0.0/30' };
}

type Command = readonly string[];

export const upCommands = ({ sides }: Net): Command[] => [
  ...sides.map(({ namespace }) => ['ip', 'netns', 'add', namespace]),
  [
    ...['ip', 'link', 'add', sides[0].device, 'netns', sides[0].namespace],
    ...['type', 'veth', 'peer', 'name', sides[1].device, 'netns', sides[1].namespace],
  ],
  ...sides.flatMap(({ namespace, address, device }) => [
    ['ip', '-n', namespace, 'address', 'add', `${address}/30`, 'dev', device],
    ['ip', '-n', namespace, 'link', 'set', device, 'up'],
    ['ip', '-n', namespace, 'link', 'set', 'lo', 'up'],
  ]),
];

/** Deleting a namespace deletes its end of the pair, and with it the other. */
export const downCommands = ({ sides }: Net): Command[] => sides.map(({ namespace }) => ['ip', 'netns', 'delete', namespace]);

/** A link of `gbit` Gb/s in each direction, with `delay` ms of each packet on its way; undefined takes the limit away. */
export function shapeCommands({ sides }: Net, gbit: number | undefined, delay = 0): Command[] {
  return sides.flatMap(({ namespace, device }) => {
    const tc = ['tc', '-n', namespace, 'qdisc'];
    const at = ['dev', device];
    const commands: Command[] = [[...tc, 'delete', ...at, 'root']];
    if (delay > 0) commands.push([...tc, 'add', ...at, 'root', 'handle', '1:', 'netem', 'delay', `${delay}ms`, 'limit', '100000']);
    // A bucket of 2 ms of the rate and at least a packet of 64 KiB with segmentation offload; a queue of 20 ms, as a switch has.
    const burst = Math.max(131072, Math.round(((gbit ?? 0) * 1e9 * 0.002) / 8));
    const place = delay > 0 ? ['parent', '1:1'] : ['root'];
    if (gbit !== undefined)
      commands.push([...tc, 'add', ...at, ...place, 'tbf', 'rate', `${gbit * 1000}mbit`, 'burst', `${burst}`, 'latency', '20ms']);
    return commands;
  });
}

/** The command line that runs another one on a side, on one core if it is given. */
export const onSide = ({ namespace, host }: Side, command: Command, core?: number): string[] => [
  ...['ip', 'netns', 'exec', namespace, 'unshare', '--uts', 'sh', '-c', `hostname ${host}; exec "$@"`, 'sh'],
  ...(core === undefined ? command : pinned(command, core)),
];

export const pinned = (command: Command, core: number): string[] => ['taskset', '-c', String(core), ...command];

/** Runs a command to its end. @returns what it printed as an error; undefined if it worked */
export function runToEnd([program, ...args]: Command): string | undefined {
  const { status, stderr, error } = spawnSync(program!, args, { encoding: 'utf8' });
  if (error) return error.message;
  return status === 0 ? undefined : stderr.trim().split('\n')[0] || `exit code ${status}`;
}

/** Why no network can be made here; undefined if it can. */
export function obstacle({ uid = process.getuid?.(), run = runToEnd } = {}): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (uid !== 0) return 'network namespaces need root';
  for (const [program, version] of [
    ['ip', '-V'],
    ['tc', '-V'],
  ] as const)
    if (run([program, version]) !== undefined) return `${program} does not run: install iproute2`;
  if (run(['taskset', '-V']) !== undefined) return 'taskset does not run: install util-linux';
  return undefined;
}

/** Makes the network. @throws Error if a command fails, after taking back what was made */
export function makeNet(net: Net): void {
  for (const command of upCommands(net)) {
    const problem = runToEnd(command);
    if (problem === undefined) continue;
    removeNet(net);
    throw new Error(`${command.join(' ')}: ${problem}`);
  }
}

/** Ends what still runs on the two sides, and deletes them. */
export function removeNet(net: Net): void {
  for (const { namespace } of net.sides) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
    for (const pid of (stdout ?? '').split(/\s+/).filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // it has ended meanwhile
      }
    }
  }
  for (const command of downCommands(net)) runToEnd(command);
}

/** Sets the rate and the delay of the link. The first command of each side fails where nothing is to be deleted. @throws Error */
export function shapeNet(net: Net, gbit: number | undefined, delay = 0): void {
  for (const command of shapeCommands(net, gbit, delay)) {
    const problem = runToEnd(command);
    if (problem !== undefined && !command.includes('delete'))
      throw new Error(
        /netem/.test(command.join(' ')) && /unknown/.test(problem)
          ? `--delay: this kernel has no netem (CONFIG_NET_SCH_NETEM)`
          : `${command.join(' ')}: ${problem}`,
      );
  }
}
