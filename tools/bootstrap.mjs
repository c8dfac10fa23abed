// Makes the workspace runnable on a machine that has only Node and npm. Imports nothing that would have to be installed first.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { slim } from './slim.mjs';
import { execute, isMain, manifest, npm, packageFolders, root } from './workspace.mjs';

const minimumNode = 20;

/** Identifies what an install depends on: the lockfile, the workspace settings, every package.json, the platform and the Node ABI. */
export function fingerprint(base = root) {
  const hash = createHash('sha256').update([process.platform, process.arch, process.versions.modules].join(' '));
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packageFolders(base).map((folder) => join(folder, 'package.json'))];
  for (const file of files) hash.update(`\n${file}\n`).update(readFileSync(join(base, file)));
  return hash.digest('hex');
}

/** True if every package still has the links that an install makes in it. `git clean` removes them and keeps the root's. */
export function linked(base = root) {
  return packageFolders(base).every((folder) => {
    const { dependencies = {}, devDependencies = {} } = manifest(folder, base);
    return Object.keys({ ...dependencies, ...devDependencies }).length === 0 || existsSync(join(base, folder, 'node_modules'));
  });
}

/** Turns the output of a failed install into one line that says what to do; undefined for an unknown failure. */
export function explain(text) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|network|socket hang up|META_FETCH_FAIL/i.test(text)) {
    return 'the package registry cannot be reached. Connect to the network (or set a proxy or mirror with `npm config`) and run the command again; packages that are installed already are kept.';
  }
  if (/OUTDATED_LOCKFILE|FROZEN_LOCKFILE/.test(text)) {
    return 'pnpm-lock.yaml does not match the package.json files. Run `npm run pnpm -- install` and commit the result.';
  }
  if (/ENOSPC/.test(text)) return 'the disk is full. Free about 1 GB and run the command again.';
  if (/EACCES|EROFS|EPERM/.test(text))
    return 'a folder cannot be written. Check who owns the checkout and the npm cache, then run the command again.';
  return undefined;
}

/** How to call the pinned pnpm: the one on PATH if it is exactly that version, else through npm, without a global install. */
export async function pnpm(base = root) {
  const pinned = manifest('.', base).packageManager;
  const version = pinned.split('@')[1].split('+')[0];
  // `pnpm` may be a corepack shim that would go to the network for another version; asking from outside the checkout avoids that.
  const onPath = await execute('pnpm', ['--version'], { output: 'keep', cwd: tmpdir(), env: { COREPACK_ENABLE_NETWORK: '0' } });
  if (onPath.code === 0 && onPath.text.trim() === version) return { command: 'pnpm', args: [], version };
  const [command, ...args] = npm();
  return { command, args: [...args, 'exec', '--yes', `--package=pnpm@${version}`, '--', 'pnpm'], version };
}

/** Installs the workspace unless node_modules already matches. Resolves to true when something was installed; throws a one-line error. */
export async function bootstrap({ log = console.log } = {}) {
  if (Number(process.versions.node.split('.')[0]) < minimumNode) {
    throw new Error(
      `mdiff needs Node ${minimumNode} or newer; this is ${process.version}. Install a current Node and run the command again.`,
    );
  }
  const stamp = join(root, 'node_modules', '.mdiff-install');
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && linked()) return false;
  const { command, args, version } = await pnpm();
  log(`Installing the workspace with pnpm ${version} (the first time, it downloads the packages) …`);
  rmSync(stamp, { force: true });
  const { code, text } = await execute(
    command,
    [
      ...args,
      '--dir',
      root,
      'install',
      '--frozen-lockfile',
      '--ignore-scripts',
      '--reporter=append-only',
      '--config.confirm-modules-purge=false',
    ],
    {
      output: 'stdout',
      // Run outside the checkout so that npm does not look for pnpm among the workspace's own packages.
      cwd: tmpdir(),
      env: {
        ONNXRUNTIME_NODE_INSTALL: 'skip',
        npm_config_update_notifier: 'false',
        // Without a network, npm's own pauses between attempts add up to more than a minute.
        npm_config_fetch_retry_mintimeout: '1000',
        npm_config_fetch_retry_maxtimeout: '4000',
      },
    },
  );
  if (code === 130) throw new Error('The installation was interrupted; run the command again to continue.');
  if (code !== 0)
    throw new Error(
      `The workspace could not be installed: ${explain(text) ?? `the installer ended with code ${code} and printed:\n${text.trimEnd().split('\n').slice(-20).join('\n')}`}`,
    );
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  const megabytes = Math.round(slim() / 1e6);
  if (megabytes > 0) log(`Took ${megabytes} MB out of node_modules that Node does not load here (tools/slim.mjs says what).`);
  writeFileSync(stamp, wanted);
  return true;
}

if (isMain(import.meta.url)) {
  try {
    if (!(await bootstrap())) console.log('The workspace is installed.');
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
