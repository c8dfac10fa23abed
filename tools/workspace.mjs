// Shared by the workspace scripts: the path of the checkout, and a way to run a child process without a shell.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join, win32 } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** True if Node was started with the module of this `import.meta.url`. */
export const isMain = (url) => process.argv[1] !== undefined && url === pathToFileURL(realpathSync(process.argv[1])).href;

/** Folders, relative to the checkout, that hold a package.json of the workspace (the same rooms as pnpm-workspace.yaml). */
export function packageFolders(base = root) {
  const inside = (room) =>
    existsSync(join(base, room))
      ? readdirSync(join(base, room), { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => `${room}/${entry.name}`)
      : [];
  return ['.', ...inside('packages'), ...inside('apps'), 'bench', 'checks', 'examples']
    .filter((folder) => existsSync(join(base, folder, 'package.json')))
    .sort();
}

/** The paths of all files in a folder and its subfolders. */
export const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    // Node before 20.12 has no `parentPath`.
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

/** The parsed package.json of a folder of the checkout. */
export function manifest(folder, base = root) {
  return JSON.parse(readFileSync(join(base, folder, 'package.json'), 'utf8'));
}

/** Every package that is published: its manifest, and its folder in the checkout as `path`. */
export const published = () =>
  packageFolders()
    .map((path) => ({ path, ...manifest(path) }))
    .filter((one) => one.private !== true);

/** The packages of the workspace that an install of `names` brings: what their manifests name as `dependencies`, and so on. */
export function closure(names, all = published()) {
  const found = new Set(names);
  // A set hands out what is added while it is walked.
  for (const name of found)
    for (const dependency of Object.keys(all.find((one) => one.name === name)?.dependencies ?? {}))
      if (all.some((one) => one.name === dependency)) found.add(dependency);
  return all.filter(({ name }) => found.has(name));
}

/** Arguments that make Node run the TypeScript sources of the workspace directly. */
export const sourceFlags = () => [
  '--conditions=@mdiff/source',
  '--import',
  import.meta.resolve('tsx'),
  '--import',
  import.meta.resolve('./plain.mjs'),
];

/**
 * How to start npm without a shell. npm passes its own path to the scripts that it starts; on Windows its JavaScript lies beside node.exe,
 * and the `npm.cmd` of another installation can only be started by a shell (`execute`).
 */
export function npm({ platform = process.platform, node = process.execPath, env = process.env, exists = existsSync } = {}) {
  if (env.npm_execpath?.endsWith('npm-cli.js')) return [node, env.npm_execpath];
  if (platform !== 'win32') return ['npm'];
  const beside = win32.join(win32.dirname(node), 'node_modules', 'npm', 'bin', 'npm-cli.js');
  return exists(beside) ? [node, beside] : ['npm.cmd'];
}

/** The words of a command for `cmd.exe`, which Node does not quote: each in double quotes, with those inside doubled. */
export const quoted = (words) => words.map((word) => `"${word.replaceAll('"', '""')}"`);

/**
 * Runs a program from the checkout and resolves when it has ended.
 * `output: 'inherit'` passes the terminal through, `'both'` prints and keeps what it printed, `'stdout'` prints
 * only its stdout and keeps both, `'keep'` only keeps them.
 * Returns `{ code, text }`; a child ended by a signal has the shell's code, 128 + signal number.
 */
export function execute(command, args, { output = 'inherit', env = {}, cwd = root, onStart } = {}) {
  return new Promise((resolve) => {
    // Windows starts a .cmd file only through its shell.
    const shell = process.platform === 'win32' && /\.(cmd|bat)$/i.test(command);
    const child = spawn(shell ? `"${command}"` : command, shell ? quoted(args) : args, {
      cwd,
      shell,
      env: { ...process.env, ...env },
      stdio: output === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    onStart?.(child);
    let text = '';
    for (const stream of ['stdout', 'stderr']) {
      child[stream]?.on('data', (chunk) => {
        text += chunk;
        if (output === 'both' || output === stream) process[stream].write(chunk);
      });
    }
    child.on('error', (error) => resolve({ code: 127, text: `${text}${error.message}\n` }));
    child.on('close', (code, signal) => resolve({ code: code ?? 128 + ({ SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 1), text }));
  });
}
