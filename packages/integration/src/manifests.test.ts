import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFolderWhole } from '@mdiff/folder/node';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';

interface Manifest {
  name: string;
  version: string;
  description?: string;
  license?: string;
  type?: string;
  private?: boolean;
  keywords?: string[];
  publishConfig?: { access?: string; provenance?: boolean };
  packageManager?: string;
  engines?: { node?: string };
  files?: string[];
  exports?: Record<string, string | Record<string, string>>;
  scripts?: Record<string, string>;
  nx?: { name?: string; tags?: string[] };
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const json = (path: string): unknown => JSON.parse(read(path));
const inside = (room: string): string[] => readdirSync(join(root, room)).map((name) => `${room}/${name}`);
const folders = [...inside('packages'), ...inside('apps')];
const packages = folders.map((folder) => ({ folder, ...(json(`${folder}/package.json`) as Manifest) }));
const published = packages.filter((one) => !one.private);
const catalog = (parse(read('pnpm-workspace.yaml')) as { catalog: Record<string, string> }).catalog;

/** A package without sources is a model folder: weights and a card. */
const isModel = (folder: string): boolean => !existsSync(join(root, folder, 'src'));
const programs = packages.filter(({ folder }) => !isModel(folder));

/** The address of the project, and the check that nothing is published without one: tools/address.test.mjs. */
test.each(published)('$folder can be found and published', ({ folder, ...manifest }) => {
  expect(manifest.keywords).toEqual(expect.arrayContaining(['masked-diffusion', 'language-model']));
  expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
  // pnpm packs the licence of the workspace, npm only one that lies in the package.
  expect(read(`${folder}/LICENSE`)).toBe(read('LICENSE'));
  // A page on a registry has no neighbours: a relative link may only lead to a file of its own package.
  const links = [...read(`${folder}/README.md`).matchAll(/\]\((?![a-z]+:|#)([^)\s]+)\)/g)].map(([, target]) => target!);
  expect(links.filter((target) => !manifest.files!.includes(target))).toEqual([]);
});

test.each(packages)('$folder says what a published package must say', (manifest) => {
  expect(manifest).toMatchObject({
    license: 'Apache-2.0',
    type: 'module',
    engines: { node: '>=20' },
    description: expect.stringMatching(/./) as string,
  });
});

describe.each(packages.filter(({ folder }) => isModel(folder)))('$folder', ({ folder, ...manifest }) => {
  test('is a whole model folder, which is published file by file and knows nothing else', async () => {
    const files = Object.keys(await readFolderWhole(join(root, folder)));
    expect([...files, 'DATA.md', 'manifest.json'].sort()).toEqual([...manifest.files!, 'README.md'].sort());
    expect({ ...manifest.dependencies, ...manifest.peerDependencies }).toEqual({});
    expect(Object.keys(manifest.scripts!)).toEqual(['prepublishOnly']);
  });

  test('takes at most 40 MB, and names no path of the machine that made it', async () => {
    const files = Object.entries(await readFolderWhole(join(root, folder)));
    expect(files.reduce((sum, [, content]) => sum + content.length, 0)).toBeLessThan(40e6);
    for (const [name, content] of files.filter(([path]) => /\.(json|md|yaml)$/.test(path)))
      expect(content.toString('utf8'), name).not.toMatch(/(^|[\s"'(:])\/(home|work|root|tmp|Users)\//m);
  });
});

describe.each(programs)('$folder', ({ folder, ...manifest }) => {
  test('publishes what is built, and no tests', () => {
    expect(manifest.files).toEqual(expect.arrayContaining(['dist', '!**/*.test.*']));
  });

  test('exports its sources under @mdiff/source first, then types, then what is built', () => {
    for (const [subpath, target] of Object.entries(manifest.exports!)) {
      if (typeof target === 'string') continue;
      const conditions = Object.keys(target);
      expect(conditions[0], subpath).toBe('@mdiff/source');
      expect(conditions.at(-1), subpath).toBe('default');
      expect(existsSync(join(root, folder, target['@mdiff/source']!)), `${folder}${subpath.slice(1)} exists`).toBe(true);
      expect(target['default']).toMatch(/^\.\/dist\/.*\.js$/);
    }
  });

  test('has one layer tag and one runtime tag, which the boundary rules read', () => {
    const tags = manifest.nx!.tags!;
    expect(tags.filter((tag) => /^layer:(leaf|lib|app|dev)$/.test(tag))).toHaveLength(1);
    expect(tags.filter((tag) => /^runtime:(none|ort|tfjs|both|lazy)$/.test(tag))).toHaveLength(1);
    expect(manifest.nx!.name).toBe(folder.split('/')[1]);
  });

  test('is built when it is packed, if it is published', () => {
    // The generator holds the playground, which is a page beside its code.
    const page = folder === 'apps/generator' ? ' && vite build web --config web/vite.config.ts' : '';
    expect(manifest.scripts?.['prepack']).toBe(manifest.private ? undefined : `tsc -b${page}`);
  });

  test('needs no install script', () => {
    expect(Object.keys(manifest.scripts ?? {}).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });

  // npm publishes a manifest as it stands: `workspace:` and `catalog:` are words of pnpm, which npm leaves in the tarball and cannot install.
  test('names what it brings by ranges that every installer reads, and takes the versions of its tools from the catalog', () => {
    const ranges = { ...manifest.dependencies, ...manifest.peerDependencies };
    for (const [name, version] of manifest.private ? [] : Object.entries(ranges)) {
      const neighbour = packages.find((other) => other.name === name);
      if (neighbour) expect(version, name).toBe(`^${neighbour.version}`);
      else if (name in catalog) expect(version, name).toBe(`^${catalog[name]}`);
      // One is held at the last version that Node before 20.19 can load (docs/decisions/dependencies.md).
      else expect(version, name).toMatch(name === 'sanitize-html' ? /^\d+\.\d+\.\d+$/ : /^\^\d+\.\d+\.\d+$/);
      const others = published.flatMap((other) => ({ ...other.dependencies, ...other.peerDependencies })[name] ?? []);
      expect(new Set(others).size, `${name} has one range`).toBe(1);
    }
    for (const [name, version] of Object.entries(
      manifest.private ? { ...ranges, ...manifest.devDependencies } : (manifest.devDependencies ?? {}),
    )) {
      if (packages.some((other) => other.name === name)) expect(version, name).toMatch(/^workspace:/);
      else if (name in catalog) expect(version, name).toBe('catalog:');
      else expect(version, `${name} is pinned`).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  test('names its peers in its README', () => {
    const text = read(`${folder}/README.md`);
    expect(Object.keys(manifest.peerDependencies ?? {}).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  test('has a README that says more than its description', () => {
    expect(
      read(`${folder}/README.md`)
        .split('\n')
        .filter((line) => line.trim() !== '').length,
    ).toBeGreaterThan(3);
  });
});

test('all packages have one version', () => {
  expect(new Set(packages.map((one) => one.version)).size).toBe(1);
});

test('a published package depends only on published packages', () => {
  const hidden = new Set(packages.filter((one) => one.private).map((one) => one.name));
  for (const one of packages.filter((candidate) => !candidate.private)) {
    expect(
      Object.keys(one.dependencies ?? {}).filter((name) => hidden.has(name)),
      one.name,
    ).toEqual([]);
  }
});

test('pnpm is pinned exactly, and no dependency may run a script at install time', () => {
  expect((json('package.json') as Manifest).packageManager).toMatch(/^pnpm@\d+\.\d+\.\d+$/);
  const { allowBuilds } = parse(read('pnpm-workspace.yaml')) as { allowBuilds: Record<string, boolean> };
  expect(Object.values(allowBuilds).every((allowed) => !allowed)).toBe(true);
});

test('the lockfile names no host: it works with any registry', () => {
  const resolutions = ['pnpm-lock.yaml', 'docs/site/pnpm-lock.yaml'].flatMap((file) =>
    read(file)
      .split('\n')
      .filter((line) => /resolution:/.test(line)),
  );
  expect(resolutions.length).toBeGreaterThan(600);
  expect(resolutions.filter((line) => /:\/\//.test(line))).toEqual([]);
});

test('every dependency that a package brings has its reason in docs/decisions/dependencies.md, and no other does', () => {
  const brought = packages.flatMap(({ dependencies, peerDependencies }) => Object.keys({ ...dependencies, ...peerDependencies }));
  // The site is no member of the workspace, so its tools have rows of their own.
  const site = Object.keys((json('docs/site/package.json') as Manifest).devDependencies!);
  const foreign = [...new Set([...brought, ...site])].filter((name) => !name.startsWith('@mdiff/'));
  const rows = read('docs/decisions/dependencies.md').match(/^\| `.*$/gm)!;
  const explained = rows.flatMap((row) =>
    row
      .split('|')[1]!
      .match(/(?<=`)[^`,]+(?=`)/g)!
      .filter((name) => name.trim() !== ''),
  );
  const built = ['ajv', 'onnxruntime-web'];
  expect(foreign.filter((name) => !explained.includes(name))).toEqual([]);
  expect(explained.map((name) => name.trim()).filter((name) => name !== '' && !foreign.includes(name) && !built.includes(name))).toEqual(
    [],
  );
});
