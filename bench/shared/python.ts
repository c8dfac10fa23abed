import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Finds the peers' Python. Without --python it is `.venv` in the peers' folder, which the user's own pip makes once from the pinned requirements there.

export interface Peers {
  /** a folder of bench/ with a requirements.txt */
  folder: string;
  /** what is installed, for the user to read */
  what: string;
  /** a script of the folder that is run once, after installing */
  prepare?: string;
}

/** A Python to run peers with, or one line that says why there is none. */
export function findPython(given: string | undefined, { folder: name, what, prepare }: Peers): { python: string } | { missing: string } {
  const folder = fileURLToPath(new URL(`../${name}/`, import.meta.url));
  const inVenv = join(folder, '.venv', ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  const requirements = join(folder, 'requirements.txt');
  if (given !== undefined) {
    return runs(given, 'import sys') ? { python: given } : { missing: `--python ${given}: expected a Python 3.11 or newer` };
  }
  const stamp = join(folder, '.venv', 'installed.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { python: inVenv };
  const system = ['python3', 'python'].find((name) => runs(name, 'import sys, venv; sys.exit(sys.version_info < (3, 11))'));
  if (!system) return { missing: 'no Python 3.11 or newer with the venv module on PATH' };
  console.log(`installing the peers (${what}, pinned in bench/${name}/requirements.txt) into bench/${name}/.venv; this happens once`);
  try {
    execFileSync(system, ['-m', 'venv', join(folder, '.venv')], { stdio: ['ignore', 'ignore', 'inherit'] });
    execFileSync(inVenv, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (prepare !== undefined) execFileSync(inVenv, [join(folder, prepare)], { stdio: ['ignore', 'inherit', 'inherit'] });
  } catch {
    return { missing: `bench/${name}/requirements.txt could not be installed (messages are above)` };
  }
  writeFileSync(stamp, wanted);
  return { python: inVenv };
}

/** Versions of the libraries that this Python has. */
export function librariesOf(python: string): Record<string, string> {
  const script = `
import importlib.metadata, json
def version(name):
    try: return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError: return None
shared = all(map(version, ["numpy", "safetensors"]))
found = dict(torch=version("torch"), jax=version("jax") if version("optax") else None)
print(json.dumps({name: v for name, v in found.items() if v and shared}))`;
  const { stdout } = spawnSync(python, ['-c', script], { encoding: 'utf8' });
  return JSON.parse(stdout || '{}') as Record<string, string>;
}

const runs = (python: string, script: string): boolean => spawnSync(python, ['-c', script], { stdio: 'ignore' }).status === 0;
