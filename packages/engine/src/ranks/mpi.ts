import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { ranksError } from './communicator.js';
import type { Arithmetic, Communicator } from './communicator.js';
import type { World } from './world.js';

// MPI, through the addon that `mdiff engine install mpi` has compiled.

/** The addon in its folder. */
export const MPI_ADDON = 'mpi.node';

/** Of the addon's functions: another release that changes them makes another folder. */
const API = 2;

/** The folder in which `mdiff engine install mpi` puts the addon. It exists only once MPI has added numbers with it. */
export const mpiFolder = (cacheDir: string): string => resolve(cacheDir, 'engines', `mpi-${API}-${process.platform}-${process.arch}`);

/** The path of the addon; undefined if it is not installed. */
export function locateMpi(cacheDir: string): string | undefined {
  const path = join(mpiFolder(cacheDir), MPI_ADDON);
  return existsSync(path) ? path : undefined;
}

interface Addon extends Pick<Communicator, 'send' | 'receive' | 'broadcast' | 'sum' | 'tick' | 'silence'>, Arithmetic {
  open(): { rank: number; size: number; version: string };
  /** with an exit code: ends all processes; without: leaves MPI */
  end(code?: number): Promise<void>;
}

/** ms that MPI gets to end all processes before this one ends itself */
const ABORT = 5_000;

/** The communicator of all ranks that a launcher has started. @throws MdiffError MDIFF_RANKS without the addon, or with the addon of another MPI */
export function openMpi(cacheDir: string, world: World): Communicator {
  const path = locateMpi(cacheDir);
  const started = `${world.launcher} started ${world.size} ranks`;
  if (path === undefined)
    throw ranksError(`${started}, and mdiff has no MPI in ${cacheDir}: run "mdiff engine install mpi" on this machine`);
  let addon: Addon;
  let opened: ReturnType<Addon['open']>;
  try {
    addon = createRequire(import.meta.url)(path) as Addon;
    opened = addon.open();
  } catch (error) {
    throw ranksError(
      `${path}: MPI does not start ("${(error as Error).message.split('\n')[0]}"); "mdiff engine install mpi --force" makes it anew`,
    );
  }
  const { rank, size, version } = opened;
  if (size !== world.size)
    throw ranksError(
      `${started}, and the MPI of mdiff (${version.split(',')[0]}) sees ${size}: it was compiled for another MPI; run "mdiff engine install mpi --force" with the mpicc of that launcher first in PATH`,
    );
  return {
    rank,
    size,
    send: (data, to) => addon.send(data, to),
    receive: (data, from) => addon.receive(data, from),
    broadcast: (data, root) => addon.broadcast(data, root),
    sum: (data) => addon.sum(data),
    tick: (all) => addon.tick(all),
    silence: () => addon.silence(),
    arithmetic: addon,
    abort: (code) => {
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), ABORT);
      addon.end(code).catch(() => undefined); // it never comes back
    },
    close: () => addon.end(),
  };
}
