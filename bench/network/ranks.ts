import { fileURLToPath } from 'node:url';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onSide, pinned } from './namespaces.js';
import type { Net } from './namespaces.js';

// Command lines of the ranks: ours under mpirun, PyTorch's by hand.

/** A program that trains, ours or that of PyTorch, in one precision. */
export interface Contender {
  readonly name: string;
  readonly ours: boolean;
  readonly bf16: boolean;
  readonly exchanges: readonly ('ordered' | 'float32' | 'bfloat16')[];
}

export const contenders: readonly Contender[] = [
  { name: 'tfjs_node_bf16', ours: true, bf16: true, exchanges: ['ordered', 'float32', 'bfloat16'] },
  { name: 'torch_bf16', ours: false, bf16: true, exchanges: ['float32', 'bfloat16'] },
  { name: 'onnxruntime', ours: true, bf16: false, exchanges: ['ordered', 'float32', 'bfloat16'] },
  { name: 'torch_fp32', ours: false, bf16: false, exchanges: ['float32', 'bfloat16'] },
];

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface Programs {
  /** a Python with PyTorch */
  python?: string;
  /** the arguments of Node before those of `rank` */
  node: readonly string[];
}

/** The command of one rank on the inputs in `folder`. */
function programOf({ name, ours, bf16 }: Contender, folder: string, { python, node }: Programs): string[] {
  return ours
    ? [process.execPath, ...node, folder, name.replace('_bf16', ''), ...(bf16 ? ['bf16'] : [])]
    : [python!, file('./torch_rank.py'), folder, '--precision', bf16 ? 'bf16' : 'fp32'];
}

/** A rank without others, on one core. */
export const aloneCommand = (one: Contender, folder: string, programs: Programs, core: number): string[] =>
  pinned(programOf(one, folder, programs), core);

/** Writes the launch agent of mpirun: it starts the daemon of the other host in its namespace. @returns its path */
export function writeAgent(scratch: string, { sides: [, far] }: Net): string {
  const path = join(scratch, 'agent.sh');
  const words = onSide(far, []).map((word) => `'${word}'`);
  // As ssh does, it gets a host and the words of a command line for the shell there.
  writeFileSync(path, `#!/bin/sh\nshift\nexec ${words.join(' ')} sh -c "$*"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** mpirun on the near side, with a rank on each side. `variables`: the names of those that the ranks get. */
export function mpirunCommand(
  one: Contender,
  folder: string,
  programs: Programs,
  { net, agent, variables }: { net: Net; agent: string; variables: readonly string[] },
): string[] {
  const [near, far] = net.sides;
  const set = (name: string, value: string): string[] => ['--mca', name, value];
  const rank = (side: Net['sides'][number], core: number): string[] => [
    ...['-n', '1', '--host', side.address],
    ...pinned(programOf(one, folder, programs), core),
  ];
  return onSide(near, [
    ...['mpirun', '--bind-to', 'none', ...set('plm_rsh_agent', agent), ...set('oob_tcp_if_include', net.subnet)],
    ...[...set('pml', 'ob1'), ...set('btl', 'tcp,self'), ...set('btl_tcp_if_include', net.subnet)],
    ...variables.flatMap((name) => ['-x', name]),
    ...[...rank(near, 0), ':', ...rank(far, 1)],
  ]);
}

/** PyTorch's ranks, that of the near side first. */
export const torchCommands = (one: Contender, folder: string, programs: Programs, net: Net): string[][] =>
  net.sides.map((side, rank) =>
    onSide(
      side,
      [
        ...programOf(one, folder, programs),
        ...['--rank', String(rank), '--size', '2', '--address', net.sides[0].address, '--device', side.device],
      ],
      rank,
    ),
  );
