import { rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MPI_ADDON, locateMpi, mpiFolder } from '@mdiff/engine';
import { MdiffError, places } from '@mdiff/folder';
import { makeFolder, writeFileWhole } from '@mdiff/folder/node';
import { firstError } from './addon.js';
import { run } from './pip.js';
import type { Program, Running } from './pip.js';
import { withLock } from './provision.js';

// MPI for runs on several machines: an addon of one C file, compiled with mpicc against the MPI that is here. It gets its name only after a process of
// its own has added numbers with it.

const COMMAND = 'mdiff engine install mpi';

/** `engine.json` beside the addon. */
export interface MpiRecord {
  format_version: 1;
  /** as MPI names itself: "Open MPI v4.1.4" */
  mpi: string;
  compiler: string;
  created: string;
}

export interface MpiOptions {
  cacheDir: string;
  /** makes it anew although it is there */
  force?: boolean;
  watch(phase: string): void;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** the source of the addon */
  source?: string;
}

const sourceHere = (): string => fileURLToPath(new URL('../native/mpi.c', import.meta.url));

/** @throws MdiffError MDIFF_COMPILER when it does not run */
async function findMpicc(running: Running): Promise<Program> {
  const asked = running.env.MPICC?.trim();
  const mpicc = (asked ? asked.split(/\s+/) : ['mpicc']) as [string, ...string[]];
  const ended = await run(mpicc, ['--version'], running);
  running.signal?.throwIfAborted();
  if (ended.code === 0) return mpicc;
  // Open MPI's wrapper says in a box of lines that its compiler is missing.
  const lines = ended.errors.split('\n').filter((line) => /\w/.test(line));
  const problem = ended.code === null ? 'it is not there' : lines.slice(0, 2).join(' ').slice(0, 200);
  throw new MdiffError(
    'MDIFF_COMPILER',
    `${COMMAND} needs the C compiler of an MPI, and ${mpicc.join(' ')} does not run (${problem}); install MPI with its headers and a C compiler ` +
      '(Debian, Ubuntu: apt install gcc libopenmpi-dev openmpi-bin; on a cluster: module load openmpi, or name the compiler with MPICC=…) and run the command again',
  );
}

/** The environment of a process that belongs to no launcher: MPI starts alone there. */
const alone = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:OMPI_COMM|OMPI_MCA_(?:ess|orte)|PMI_|PMIX_|SLURM_)/.test(name)));

const TRIAL = `const mpi = require(process.argv[1]);
const { size, version } = mpi.open();
const numbers = Float32Array.of(1, 2);
mpi.sum(numbers).then(() => {
  if (numbers[1] !== 2 * size) throw new Error('a sum over ' + size + ' ranks is ' + numbers[1]);
  console.log(JSON.stringify(version));
  return mpi.end();
});`;

/** ms for the trial */
const LIMIT = 60_000;

/** Tries an addon in a process of its own. @returns the version of its MPI, or why it does not work */
async function tryMpi(addon: string, running: Running): Promise<{ version: string } | { reason: string }> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = setTimeout(stop, LIMIT);
  running.signal?.addEventListener('abort', stop);
  const ended = await run([process.execPath], ['-e', TRIAL, addon], { env: alone(running.env), signal: controller.signal });
  clearTimeout(timer);
  running.signal?.removeEventListener('abort', stop);
  running.signal?.throwIfAborted();
  const line = ended.output.split('\n').find((one) => one.startsWith('"'));
  if (ended.code === 0 && line !== undefined) return { version: (JSON.parse(line) as string).split(/[,\n]/)[0]!.trim() };
  return { reason: controller.signal.aborted ? `no answer in ${LIMIT / 1000} s` : firstError(ended) };
}

async function build(
  folder: string,
  mpicc: Program,
  { source, watch }: Required<Pick<MpiOptions, 'source' | 'watch'>>,
  running: Running,
): Promise<void> {
  watch(`compiling the addon with ${mpicc.join(' ')}`);
  const addon = join(folder, MPI_ADDON);
  const headers = (createRequire(import.meta.url)('node-api-headers') as { include_dir: string }).include_dir;
  const flags = ['-std=gnu11', '-O3', '-fPIC', '-shared', '-pthread', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION', '-I', headers];
  // macOS looks up Node's symbols when it loads the addon.
  const linked = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-ldl'];
  const ended = await run(mpicc, [...flags, source, ...linked, '-o', addon], running);
  running.signal?.throwIfAborted();
  if (ended.code !== 0) {
    const log = join(folder, '..', 'mpi-compile.log');
    await writeFile(log, ended.errors);
    throw new MdiffError(
      'MDIFF_COMPILER',
      `${mpicc.join(' ')} cannot compile the addon ("${firstError(ended)}"); the whole output is in ${log}; try another compiler with MPICC=…`,
    );
  }
  watch('adding numbers in a process of its own');
  const tried = await tryMpi(addon, running);
  if ('reason' in tried)
    throw new MdiffError('MDIFF_RANKS', `${COMMAND}: MPI does not work here ("${tried.reason}"); nothing was installed`);
  const record: MpiRecord = { format_version: 1, mpi: tried.version, compiler: mpicc.join(' '), created: new Date().toISOString() };
  await writeFileWhole(join(folder, 'engine.json'), `${JSON.stringify(record, null, 2)}\n`, places.cache);
}

/**
 * Makes MPI's addon in `cache_dir/engines`, or finds it there.
 * @throws MdiffError, one line: MDIFF_COMPILER, MDIFF_RANKS, MDIFF_WRITE, MDIFF_LOCKED
 */
export async function provisionMpi(options: MpiOptions): Promise<{ folder: string; made: boolean }> {
  const { cacheDir, force = false, watch, env = process.env, signal, source = sourceHere() } = options;
  const folder = mpiFolder(cacheDir);
  if (!force && locateMpi(cacheDir) !== undefined) return { folder, made: false };
  const running: Running = { env, signal };
  const mpicc = await findMpicc(running);
  const work = `${folder}.part`;
  await withLock(work, async () => {
    await build(work, mpicc, { source, watch }, running);
    await rm(folder, { recursive: true, force: true });
    makeFolder(folder);
    for (const name of ['engine.json', MPI_ADDON]) await rename(join(work, name), join(folder, name));
  });
  await rm(work, { recursive: true, force: true });
  return { folder, made: true };
}

export interface ExaminedMpi {
  state: 'works' | 'broken' | 'absent';
  /** its version, or what is missing or wrong and what to do; one line */
  detail: string;
}

/** MPI on this machine, without a trial. */
export const listMpi = (cacheDir: string): { installed: boolean; detail: string } => {
  const addon = locateMpi(cacheDir);
  return {
    installed: addon !== undefined,
    detail: addon ?? `for runs on several machines: run "${COMMAND}" (needs mpicc and a C compiler)`,
  };
};

/** MPI on this machine, tried. */
export async function examineMpi(cacheDir: string, running: Running): Promise<ExaminedMpi> {
  const addon = locateMpi(cacheDir);
  if (addon === undefined) return { state: 'absent', detail: listMpi(cacheDir).detail };
  const tried = await tryMpi(addon, running);
  return 'version' in tried
    ? { state: 'works', detail: tried.version }
    : { state: 'broken', detail: `${tried.reason}; "${COMMAND} --force" makes it anew` };
}
