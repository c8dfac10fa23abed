import { spawn } from 'node:child_process';
import { MdiffError } from '@mdiff/folder';

// The user's own pip says where packages come from: its index, mirrors, proxies and credentials are the user's business.

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
}

/** Runs a program to its end, keeping what it says. */
export const run = ([program, ...first]: Program, args: readonly string[], { env, signal, cwd }: Running): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(program, [...first, ...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    child.on('error', () => resolve({ code: null, output, errors }));
    child.on('close', (code) => resolve({ code, output, errors }));
  });

const pips: readonly Program[] = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['py', '-m', 'pip'], ['pip3'], ['pip']];

/** @throws MdiffError MDIFF_PIP when none runs */
export async function findPip(command: string, running: Running): Promise<Program> {
  for (const pip of pips) {
    if ((await run(pip, ['--version'], running)).code === 0) return pip;
    running.signal?.throwIfAborted();
  }
  throw new MdiffError(
    'MDIFF_PIP',
    `${command}: expected Python's pip (${pips.map((pip) => pip.join(' ')).join(', ')}), got none that runs; install Python 3 with pip (Debian, Ubuntu: apt install python3-pip) and run the command again`,
  );
}

const offline = /Failed to establish a new connection|Temporary failure in name resolution|Network is unreachable|Connection refused|ConnectTimeout|Max retries exceeded|ProxyError/;

/** Why nothing answered, else what pip calls an error, its first line without the label; its exit code where it calls nothing so. */
export function complaint({ code, errors }: Ended): string {
  // Its error would then be that there are no versions of the package.
  const silence = offline.exec(errors);
  if (silence) return silence[0];
  const line = errors.split('\n').find((one) => one.startsWith('ERROR: '));
  return line === undefined ? `exit code ${code}` : line.slice('ERROR: '.length).trim();
}

/** Whether pip failed because nothing answered. */
export const unreachable = ({ errors }: Ended): boolean => offline.test(errors);
