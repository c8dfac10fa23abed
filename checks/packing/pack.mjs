// Packs every publishable package with pnpm and with npm, checks the tarballs, installs npm's into empty folders, and imports what was installed.
// Usage: node checks/packing/pack.mjs <empty folder> [model folder to generate from]
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pnpm } from '../../tools/bootstrap.mjs';
import { closure, execute, filesIn, manifest, npm, published, root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';

const [folder, model] = process.argv.slice(2);
const { check, end } = counter();

async function command(name, program, args, options = {}) {
  const { code, text } = await execute(program, args, { output: 'keep', ...options });
  check(name, code === 0 ? '' : text || `exit code ${code}`);
  return { code, text };
}

/** Tarball ceilings in kB (1000 bytes), about a third above what was measured when they were set, so that an accident is seen. */
const ceilings = JSON.parse(readFileSync(new URL('sizes.json', import.meta.url), 'utf8'));

const unpacked = filesIn(join(root, 'node_modules')).reduce((bytes, file) => bytes + statSync(file).size, 0);
check(
  `size of node_modules: ${Math.ceil(unpacked / 1e6)} MB of 650`,
  unpacked <= 650e6 ? '' : 'over its ceiling: find out what was added, or add a rule to tools/slim.mjs',
);

const publishable = published();
const tarballs = join(folder, 'tarballs');
mkdirSync(tarballs, { recursive: true });

/** The manifest and the names of the files in a tarball. */
async function contents(file) {
  const list = await execute('tar', ['-tzf', file], { output: 'keep' });
  const packed = await execute('tar', ['-xOzf', file, 'package/package.json'], { output: 'keep' });
  return { names: list.text.trim().split('\n').sort(), manifest: JSON.parse(packed.text) };
}

const npmTarballs = join(folder, 'tarballs-npm');
mkdirSync(npmTarballs, { recursive: true });
const [npmProgram, ...npmArgs] = npm();
const { command: program, args } = await pnpm();
const files = new Map();
for (const { path, name, version } of publishable) {
  // `prepack` has to build what is packed, as it does for someone who packs one package by hand in a fresh checkout.
  rmSync(join(root, path, 'dist'), { recursive: true, force: true });
  await command(`pack ${name}`, program, [...args, '--dir', join(root, path), 'pack', '--pack-destination', tarballs], { cwd: folder });
  const file = join(tarballs, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
  if (!existsSync(file)) continue;
  // pnpm has just built the package, so npm need not; one package is packed by npm from nothing, to see that it builds too.
  const first = name === '@mdiff/config';
  if (first) rmSync(join(root, path, 'dist'), { recursive: true, force: true });
  await command(
    `npm pack ${name}`,
    npmProgram,
    [...npmArgs, 'pack', join(root, path), '--pack-destination', npmTarballs, '--loglevel=error', ...(first ? [] : ['--ignore-scripts'])],
    { cwd: first ? join(root, path) : folder },
  );
  const ofNpm = join(npmTarballs, basename(file));
  if (!existsSync(ofNpm)) continue;
  files.set(name, ofNpm);
  const [one, other] = [await contents(file), await contents(ofNpm)];
  const differing = one.names
    .filter((entry) => !other.names.includes(entry))
    .concat(other.names.filter((entry) => !one.names.includes(entry)));
  check(`npm and pnpm pack the same files of ${name}`, differing.length === 0 ? '' : differing.join('\n'));
  const foreign = ['dependencies', 'peerDependencies']
    .flatMap((kind) => Object.entries(other.manifest[kind] ?? {}))
    .filter(([name, range]) => !/^\^\d/.test(range) && name !== 'sanitize-html');
  check(`npm packs ranges that npm can install for ${name}`, foreign.length === 0 ? '' : JSON.stringify(foreign));
  const size = Math.ceil(statSync(file).size / 1000);
  const ceiling = ceilings[name];
  check(
    `size of ${name}: ${size} kB of ${ceiling ?? '?'}`,
    ceiling === undefined
      ? 'no ceiling in checks/packing/sizes.json'
      : size <= ceiling
        ? ''
        : `over its ceiling: find out what was added, or raise it in checks/packing/sizes.json and say why`,
  );
  const text = `${one.names.join('\n')}\n`;
  const missing = Object.values(manifest(path).exports)
    .map((target) => target.default)
    .filter((target) => target && !text.includes(`package/${target.slice('./'.length)}\n`));
  check(`${name} is built`, missing.length === 0 ? '' : `missing from the tarball: ${missing.join(', ')}`);
  if (name === '@mdiff/generator')
    check('the playground is packed', text.includes('package/dist/web/index.html\n') ? '' : 'no dist/web/index.html in the tarball');
  const strays = text.split('\n').filter((entry) => /\.test\.|\.tsbuildinfo$|node_modules\/|\/fixtures\//.test(entry));
  check(`contents of ${name}`, strays.length === 0 ? '' : `tests or build leftovers inside:\n${strays.join('\n')}`);
  await command(`publint ${name}`, process.execPath, [join(root, 'node_modules/publint/src/cli.js'), file, '--strict']);
  // A model folder has no code.
  if (!existsSync(join(root, path, 'src'))) continue;
  await command(`types of ${name} (attw)`, process.execPath, [
    join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
    file,
    '--profile',
    'esm-only',
    '--no-emoji',
    '--no-color',
  ]);
}

/**
 * Installs packages and those that they depend on into a fresh folder. mdiff's own are on no registry, so each is given by its
 * tarball; npm takes everything else from the registry, and `others` with it.
 */
async function install(label, roots, others = {}) {
  const target = join(folder, label);
  mkdirSync(target, { recursive: true });
  const names = closure(roots)
    .map(({ name }) => name)
    .filter((name) => files.has(name));
  const dependencies = { ...others, ...Object.fromEntries(names.map((name) => [name, `file:${files.get(name)}`])) };
  writeFileSync(join(target, 'package.json'), JSON.stringify({ name: 'empty-folder', private: true, type: 'module', dependencies }));
  await command(
    `npm install (${label})`,
    npmProgram,
    [...npmArgs, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: target,
      env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
    },
  );
  return target;
}

async function importAll(target, names) {
  for (const name of names) {
    const script = `if (Object.keys(await import('${name}')).length === 0) throw new Error('${name} exports nothing');`;
    await command(`import ${name}`, process.execPath, ['--input-type=module', '-e', script], { cwd: target });
  }
}

/** Packages of an installed tree whose names match. */
function installed(target, pattern) {
  const modules = join(target, 'node_modules');
  if (!existsSync(modules)) return ['(nothing was installed)'];
  const names = readdirSync(modules).flatMap((entry) =>
    entry.startsWith('@') ? readdirSync(join(modules, entry)).map((inner) => `${entry}/${inner}`) : [entry],
  );
  return names.filter((name) => pattern.test(name));
}

const runtimes = /^@tensorflow\/|^onnxruntime-/;
const tensorflow = /^@tensorflow\//;
const none = (names) => (names.length === 0 ? '' : `installed: ${names.join(', ')}`);

const all = await install(
  'everything',
  publishable.map((one) => one.name),
);
await importAll(
  all,
  publishable.filter(({ path }) => existsSync(join(root, path, 'src'))).map((one) => one.name),
);
await command('mdiff --help', process.execPath, [join(all, 'node_modules/mdiff/bin/mdiff.js'), '--help'], { cwd: all });
const peerless = await execute(
  process.execPath,
  [join(all, 'node_modules/mdiff/bin/mdiff.js'), 'engine', 'install', 'tensorflow', '--set', `cache_dir=${join(all, 'cache')}`],
  { output: 'keep', cwd: all },
);
check(
  'mdiff engine install names the optional package that it builds',
  peerless.code === 1 &&
    peerless.text.includes('npm install --ignore-scripts @tensorflow/tfjs-node@') &&
    peerless.text.trim().split('\n').length === 1
    ? ''
    : `exit code ${peerless.code}:\n${peerless.text}`,
);
await command('mdiff engine list', process.execPath, [join(all, 'node_modules/mdiff/bin/mdiff.js'), 'engine', 'list'], { cwd: all });

const configOnly = await install('config', ['@mdiff/config']);
check('@mdiff/config pulls no runtime', none(installed(configOnly, runtimes)));
// Config takes the words for a fault of the disk from folder, a leaf too (the import table of docs/architecture.md).
check(
  '@mdiff/config pulls the leaves @mdiff/folder and @mdiff/arguments alone',
  none(installed(configOnly, /^(?!@mdiff\/(arguments|config|folder)$)(@mdiff\/|mdiff$)/)),
);
await importAll(configOnly, ['@mdiff/config']);

const generator = await install('generator', ['mdiff']);
check('a generator install pulls no TensorFlow.js', none(installed(generator, tensorflow)));
check('a generator install pulls no trainer', none(installed(generator, /^@mdiff\/(train|trainer|model|trace|engine|provision)$/)));
await command(
  'mdiff generate --help without the trainer',
  process.execPath,
  [join(generator, 'node_modules/mdiff/bin/mdiff.js'), 'generate', '--help'],
  { cwd: generator },
);
if (model !== undefined)
  await command(
    'mdiff generate without the trainer',
    process.execPath,
    [join(generator, 'node_modules/mdiff/bin/mdiff.js'), 'generate', model, '--seed', '1'],
    { cwd: generator },
  );
const refused = await execute(process.execPath, [join(generator, 'node_modules/mdiff/bin/mdiff.js'), 'train'], {
  output: 'keep',
  cwd: generator,
});
check(
  'mdiff train without the trainer names the package to install',
  refused.code !== 0 && refused.text.includes('@mdiff/trainer') && refused.text.trim().split('\n').length === 1
    ? ''
    : `exit code ${refused.code}:\n${refused.text}`,
);

// A project outside the workspace: its manifest asks for versions, and what is on no registry yet comes from the tarballs.
const example = join(root, 'examples/consumer');
const asked = JSON.parse(readFileSync(join(example, 'package.json'), 'utf8')).dependencies;
const own = Object.keys(asked).filter((name) => files.has(name));
const consumer = await install('consumer', own, Object.fromEntries(Object.entries(asked).filter(([name]) => !own.includes(name))));
for (const file of ['main.ts', 'tsconfig.json']) copyFileSync(join(example, file), join(consumer, file));
await command('examples/consumer type-checks', process.execPath, [join(root, 'node_modules/typescript/bin/tsc')], { cwd: consumer });
const { text: printed } = await command('examples/consumer runs', process.execPath, ['dist/main.js'], { cwd: consumer });
const said = readFileSync(join(example, 'main.ts'), 'utf8')
  .split('\n// Prints:\n')[1]
  .replace(/^\/\/ /gm, '');
const lines = printed.split('\n').filter((line) => line && said.includes(line));
check('examples/consumer prints what it says', lines.join('\n') === said.trimEnd() ? '' : `${printed}\ninstead of\n${said}`);

end();
