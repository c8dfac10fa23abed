import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Where the peers' Python is. Without --python: bench/peers/.venv, made once from the pinned requirements by the user's own pip.

const folder = fileURLToPath(new URL('../peers/', import.meta.url));
const windows = process.platform === 'win32';
const inVenv = join(folder, '.venv', ...(windows ? ['Scripts', 'python.exe'] : ['bin', 'python']));
const requirements = join(folder, 'requirements.txt');

/** A Python to run peers with, or why there is none (one line). */
export function findPython(given: string | undefined): { python: string } | { missing: string } {
  if (given !== undefined) {
    return runs(given, 'import sys') ? { python: given } : { missing: `--python ${given}: expected a Python 3.11 or newer` };
  }
  const stamp = join(folder, '.venv', 'installed.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { python: inVenv };
  const system = ['python3', 'python'].find((name) => runs(name, 'import sys, venv; sys.exit(sys.version_info < (3, 11))'));
  if (!system) return { missing: 'no Python 3.11 or newer with the venv module on PATH' };
  console.log('installing the peers (PyTorch and JAX, pinned in bench/peers/requirements.txt) into bench/peers/.venv; this happens once');
  try {
    execFileSync(system, ['-m', 'venv', join(folder, '.venv')], { stdio: ['ignore', 'ignore', 'inherit'] });
    execFileSync(inVenv, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements], { stdio: ['ignore', 'inherit', 'inherit'] });
  } catch {
    return { missing: 'pip could not install bench/peers/requirements.txt (its messages are above)' };
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
