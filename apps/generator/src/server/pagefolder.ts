// The built playground. A published package has it in dist/web; in a checkout it is built when it is first asked for, and again when a source has changed.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** From src/server and from dist/server alike. */
const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = join(root, 'web');
const built = join(root, 'dist/web');
const stamp = join(built, '.sources');

let building: Promise<string> | undefined;

/** The folder with index.html and assets/. */
export function pageFolder(): Promise<string> {
  if (!existsSync(join(sources, 'vite.config.ts'))) return Promise.resolve(built);
  building ??= buildIfStale().catch((error: Error) => {
    building = undefined;
    throw error;
  });
  return building;
}

async function buildIfStale(): Promise<string> {
  const wanted = await fingerprint();
  const done = await readFile(stamp, 'utf8').catch(() => '');
  if (done === wanted) return built;
  // In a process of its own: bundling would block the event loop, and with it every request.
  const vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', sources, '--config', join(sources, 'vite.config.ts')], { cwd: sources });
  await writeFile(stamp, wanted);
  return built;
}

/** Names, sizes and times of the page's sources. */
async function fingerprint(): Promise<string> {
  const names = (await readdir(sources, { recursive: true })).filter((name) => !/\.test\./.test(name)).sort();
  const lines = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs, isFile } = await stat(join(sources, name)).then((entry) => ({ ...entry, isFile: entry.isFile() }));
      return isFile ? `${name} ${size} ${mtimeMs}` : '';
    }),
  );
  return lines.join('\n');
}
