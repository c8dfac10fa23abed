// The programs on the pages of this repository: all are type-checked, and all run that need no browser and no thread of their own file.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as configuration from '@mdiff/config';
import { blocksOf, filesOf, tinyBook, tinyModel } from '@mdiff/testing';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const programs = filesOf(root)
  .filter((file) => file.endsWith('.md') && !file.startsWith('docs/log/'))
  .flatMap((page) => blocksOf(read(page)).map((block) => ({ page, ...block })))
  .filter(({ language }) => ['ts', 'js'].includes(language))
  .map((block, _, all) => ({ ...block, name: `${block.page} ${all.filter(({ page }) => page === block.page).indexOf(block) + 1}` }));

/** Programs that do not run here, and the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  'packages/curriculum/README.md 1': 'its own test runs it and looks at its batches',
  'packages/model/README.md 1': 'its own test runs it and looks at its loss',
  'packages/trace/README.md 1': 'its own test runs it and looks at its gradient',
  'packages/trace/README.md 2': 'its own test runs it and looks at its state',
  'docs/guides/in-the-browser.md 1': 'runs in a browser; checks/browser has the same calls',
  'docs/guides/in-the-browser.md 2': 'the configuration of a bundler',
  'packages/generate/README.md 2': 'runs in a browser; checks/browser has the same calls',
  'packages/workers/README.md 1': 'the script of a thread; its tests start one',
  'packages/workers/README.md 2': 'starts the script above',
  'packages/train/README.md 1': 'a training, as many of its own tests run',
  'apps/trainer/README.md 1': 'the command; train.test.ts runs it',
};

let place: string;
const home = process.cwd();
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'mdiff-pages-'));
  writeFileSync(join(place, 'book.txt'), tinyBook());
  for (const run of ['book', 'my-book', 'quickstart'])
    cpSync(join(root, 'packages/generate/fixtures/shifted'), join(place, 'outputs', run, 'model'), { recursive: true });
  process.chdir(place);
});
afterAll(() => {
  process.chdir(home);
  rmSync(place, { recursive: true, force: true });
});

/** Where TypeScript finds each entry of each package: its sources, or what is built. */
function paths(): Record<string, string[]> {
  const built = process.env['MDIFF_BUILT'] === '1';
  const folders = ['packages', 'apps'].flatMap((room) => readdirSync(join(root, room)).map((name) => join(root, room, name)));
  return Object.fromEntries(
    folders.flatMap((folder) => {
      const { name, exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name: string;
        exports?: Record<string, string | Record<string, string>>;
      };
      return Object.entries(exports).flatMap(([entry, target]) =>
        typeof target === 'string'
          ? []
          : [[name + entry.slice(1), [join(folder, (built ? target['types'] : undefined) ?? target['@mdiff/source']!)]]],
      );
    }),
  );
}

it('have the right types', { timeout: 120_000 }, () => {
  const folder = join(place, 'types');
  mkdirSync(folder);
  const files = programs.map(({ language, code }, i) => {
    const file = `program${i}.${language}`;
    writeFileSync(join(folder, file), `${code}\nexport {};\n`);
    return file;
  });
  const compilerOptions = {
    ...{ target: 'ES2022', lib: ['ES2023', 'DOM'], module: 'ESNext', moduleResolution: 'bundler', strict: true, noEmit: true },
    // A page shows what a call takes, not the types of its own variables.
    ...{ noImplicitAny: false, skipLibCheck: true, types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
    ...{ customConditions: ['@mdiff/source'], allowImportingTsExtensions: true, allowJs: true, checkJs: false },
    paths: {
      ...paths(),
      ...Object.fromEntries(
        ['@tensorflow/tfjs', 'onnxruntime-node'].map((name) => [name, [join(root, 'packages/trace/node_modules', name)]]),
      ),
    },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  let faults = '';
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript-native/bin/tsc'), '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    faults = (error as { stdout: string }).stdout.replace(/program(\d+)/g, (_, i: string) => programs[Number(i)]!.name);
  }
  expect(programs.length).toBeGreaterThan(15);
  expect(faults).toBe('');
});

const AsyncFunction = Object.getPrototypeOf(async () => Promise.resolve()).constructor as new (
  ...code: string[]
) => (...given: unknown[]) => Promise<void>;

/** `projectConfig` with a network and a budget for seconds, which a page leaves out. */
const small = {
  ...configuration,
  projectConfig: (given: Parameters<typeof configuration.projectConfig>[0]) =>
    configuration.projectConfig({
      ...given,
      model: { ...tinyModel, ...given?.model },
      training: { max_steps: 3, warmup_steps: 1, batch_size: 4, ...given?.training },
      hardware: { cpu_threads: 1 },
    }),
};

async function run(code: string): Promise<string[]> {
  // The built-in novel takes seconds, the made-up book none.
  const quick = code.replaceAll("'builtin:moby-dick'", "'book.txt'");
  const javascript = (await transform(quick, { loader: 'ts', format: 'esm', target: 'es2022' })).code;
  const imports = [...javascript.matchAll(/^import (.*) from "(.*)";$/gm)].map(([, names, module]) => ({ names: names!, module: module! }));
  const prepares = imports.some(({ module }) => module === '@mdiff/prepare');
  const modules = await Promise.all(
    imports.map(({ module }) => (module === '@mdiff/config' && prepares ? small : import(/* @vite-ignore */ module))),
  );
  const bound = imports.map(({ names }, i) => `const ${names.replace(/^\* as /, '').replace(/ as /g, ': ')} = modules[${i}];`).join('\n');
  const printed: string[] = [];
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean(printed.push(String(text))));
  const log = (...parts: unknown[]): void => void printed.push(parts.map(String).join(' '));
  try {
    const program = new AsyncFunction('modules', 'console', `${bound}\n${javascript.replace(/^import .*$/gm, '')}`);
    await program(modules, { log, error: log, warn: log });
  } finally {
    out.mockRestore();
  }
  return printed;
}

it('names programs that there are, where it says why they do not run here', () => {
  expect(Object.keys(elsewhere).filter((name) => !programs.some((program) => program.name === name))).toEqual([]);
});

it.each(programs.filter(({ name }) => elsewhere[name] === undefined))('$name runs and prints what it says', async ({ code }) => {
  const printed = await run(code);
  const said = [...code.matchAll(/console\.log\(.*\);(?: |\n)\/\/ (.*)$/gm)].map(([, text]) => text!);
  for (const line of said) expect(printed).toContain(line);
  if (/\b(print|console\.log|stdout\.write)\(/.test(code)) expect(printed.length).toBeGreaterThan(0);
  expect(existsSync(place)).toBe(true);
});
