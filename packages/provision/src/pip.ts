import { spawn } from 'node:child_process';
import { MdiffError } from '@mdiff/folder';

// mdiff runs the user's own pip, so its index, mirror, proxy and credentials apply.

export type Program = readonly [string, ...string[]];

export interface Ended {
  /** null: could not be started, or was stopped */
  code: number | null;
  output: string;
  errors: string;
}

export interface Running {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  cwd?: string;
  /** shows the program's output on stderr instead of keeping it */
  show?: boolean;
}

/** Runs a program to its end and keeps its output. */
export const run = ([program, ...first]: Program, args: readonly string[], { env, signal, cwd, show = false }: Running): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(program, [...first, ...args], {
      env,
      cwd,
      stdio: ['ignore', show ? 2 : 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    let [output, errors] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    child.on('error', () => resolve({ code: null, output, errors }));
    child.on('close', (code) => resolve({ code, output, errors }));
  });

const pips: readonly Program[] = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['py', '-m', 'pip'], ['pip3'], ['pip']];

/** @throws MdiffError MDIFF_PIP when none runs; `otherwise` is another way for the user */
export async function findPip(command: string, running: Running, otherwise = ''): Promise<Program> {
  for (const pip of pips) {
    if ((await run(pip, ['--version'], { ...running, show: false })).code === 0) return pip;
    running.signal?.throwIfAborted();
  }
  throw new MdiffError(
    'MDIFF_PIP',
    `${command} needs Python's pip, and none of these runs: ${pips.map((pip) => pip.join(' ')).join(', ')}; install Python 3 with pip (Debian, Ubuntu: apt install python3-pip) and run the command again${otherwise}`,
  );
}

const offline =
  /Failed to establish a new connection|Temporary failure in name resolution|Network is unreachable|Connection refused|ConnectTimeout|Max retries exceeded|ProxyError/;

/** The reason of a failure: that no server answered, else the first line that pip marks as an error, else its exit code. */
export function complaint({ code, errors }: Ended): string {
  // Without an answer pip's own error says that the package has no versions.
  const silence = offline.exec(errors);
  if (silence) return silence[0];
  const line = errors.split('\n').find((one) => one.startsWith('ERROR: '));
  return line === undefined ? `exit code ${code}` : line.slice('ERROR: '.length).trim();
}

/** True when pip failed because no server answered. */
export const unreachable = ({ errors }: Ended): boolean => offline.test(errors);
