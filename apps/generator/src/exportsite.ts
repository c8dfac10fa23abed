import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { print, UsageError } from '@mdiff/cli';
import { diskError, entriesToRead, MANIFEST, type Manifest, ModelError } from '@mdiff/folder';
import { readFolder, type ModelFolder } from '@mdiff/folder/node';
import type { Command } from 'commander';
import { type Hooks, pathOf, runnableFolder } from './graphs.js';
import { pageModel } from './pagemodel.js';
import { pageFolder } from './server/pagefolder.js';

/** Says which version of the site it is, and what to keep for visitors without a network. */
const LIST = 'site.json';
/** Stands in the page of every site that mdiff wrote. */
const MARK = '<meta name="mdiff-site"';
const CARD = 'README.md';
const LICENCE = /^(LICEN[CS]E|NOTICE|COPYING)/i;
/** WebAssembly, and WebGPU. A visitor loads one of them. */
const RUNTIMES = ['ort-wasm-simd-threaded', 'ort-wasm-simd-threaded.asyncify'].flatMap((name) => [`${name}.mjs`, `${name}.wasm`]);

/** The parts of a site. */
interface Parts {
  readonly model: ModelFolder;
  /** folder of the card and the licences: a base has them beside its weights, and its graph elsewhere */
  readonly papers: string;
  /** folder of the built playground */
  readonly page: string;
  /** folder of the files of ONNX Runtime */
  readonly runtime: string;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The folder of onnxruntime-web, which only this command needs. */
function runtimeFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`onnxruntime-web/${RUNTIMES[1]!}`));
  } catch {
    throw new ModelError('export-site: the package onnxruntime-web is not installed; run: npm install onnxruntime-web@1.30.0', 2);
  }
}

/** Refuses a folder that holds something else: it would be replaced. */
export async function expectFree(target: string): Promise<void> {
  const info = await stat(target).catch(() => undefined);
  if (info && !info.isDirectory()) throw new UsageError(`export-site: ${target} is a file; name a new folder`);
  if (!info || (await readdir(target)).length === 0) return;
  // Other sites may have a site.json too, so mdiff's own mark decides.
  const page = await readFile(join(target, 'index.html'), 'utf8').catch(() => '');
  if (!page.includes(MARK) || !existsSync(join(target, LIST)))
    throw new UsageError(`export-site: ${target} is not empty, and not a site that mdiff wrote; name a new or empty folder`);
}

/** Copies what running needs; the weights are in the graph. */
async function copyModel({ path }: ModelFolder, target: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(path, MANIFEST), 'utf8')) as Manifest;
  const files = entriesToRead(manifest.files);
  for (const file of files) await cp(join(path, file.path), join(target, file.path));
  await writeFile(join(target, MANIFEST), `${JSON.stringify({ ...manifest, files }, null, 2)}\n`);
}

/** Copies the card and the licences, and returns their names. */
async function copyPapers(folder: string, target: string): Promise<string[]> {
  const papers = (await readdir(folder)).filter((name) => name === CARD || LICENCE.test(name)).sort();
  for (const name of papers) await cp(join(folder, name), join(target, name));
  return papers;
}

/** Writes a site into an empty folder. */
export async function writeSite({ model, papers: folder, page, runtime }: Parts, target: string): Promise<{ licences: readonly string[] }> {
  await cp(page, target, { recursive: true, filter: (path) => !basename(path).startsWith('.') });
  for (const file of RUNTIMES) await cp(join(runtime, file), join(target, 'ort', file));
  await copyModel(model, join(target, 'model'));
  const papers = await copyPapers(folder, join(target, 'model'));
  const licences = papers.filter((name) => name !== CARD);
  const described = { ...pageModel(model, { folder: 'model/', leftToRight: model.causalGraph !== undefined }), licences };
  await writeFile(join(target, 'playground.json'), JSON.stringify({ mode: 'browser', ready: true, models: [described] }));
  const assets = (await readdir(join(target, 'assets'))).sort().map((name) => `assets/${name}`);
  const files = ['./', 'playground.json', ...assets, ...papers.map((name) => `model/${name}`)];
  const hash = createHash('sha256');
  for (const file of ['index.html', 'sw.js', 'playground.json', `model/${MANIFEST}`]) hash.update(await readFile(join(target, file)));
  const version = hash.digest('hex').slice(0, 16);
  await writeFile(join(target, LIST), JSON.stringify({ version, files }));
  const html = await readFile(join(target, 'index.html'), 'utf8');
  await writeFile(join(target, 'index.html'), html.replace('</head>', `${MARK} content="${version}" /></head>`));
  return { licences };
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => stat(join(folder, name)).then((info) => (info.isFile() ? info.size : 0))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** `mdiff export-site`: the site appears whole or not at all. */
async function runExport(name: string, folder: string, { verify, ...hooks }: { verify: boolean } & Hooks): Promise<void> {
  const model = await readFolder(await runnableFolder(name, hooks), { verify });
  const papers = pathOf(name) ?? model.path;
  const target = resolve(folder);
  await expectFree(target);
  const runtime = runtimeFolder();
  const refuse = (error: NodeJS.ErrnoException): never => {
    throw error.code === undefined || error.code.startsWith('MDIFF_')
      ? error
      : diskError(folder, error, { task: 'write', place: { again: 'run again', elsewhere: 'choose another folder' } });
  };
  await mkdir(dirname(target), { recursive: true }).catch(refuse);
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`)).catch(refuse);
  try {
    const { licences } = await writeSite({ model, papers, page: await pageFolder(), runtime }, draft).catch(refuse);
    await rm(target, { recursive: true, force: true });
    await rename(draft, target).catch(refuse);
    if (licences.length === 0)
      process.stderr.write(
        `${papers} has no file LICENSE; the site shows its card alone. Put one there to say what others may do with the model.\n`,
      );
    print(`wrote ${folder} (${megabytes(await sizeOf(target))}): the playground with ${model.name}, for any web host\n`);
    print(`try it here: python3 -m http.server --bind 127.0.0.1 --directory ${folder} 8000, then open http://localhost:8000\n`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

export function addExportSite(root: Command, hooks: Hooks): void {
  root
    .command('export-site')
    .description('write the playground as a site that runs a model in the browser of its visitors')
    .argument('<model>', 'model folder')
    .argument('<folder>', 'folder of the site; one that mdiff wrote is replaced')
    .option('--no-verify', 'skip the checksums of the model folder (sizes are always compared)')
    .action((model: string, folder: string, flags: { verify: boolean }) => runExport(model, folder, { ...flags, ...hooks }));
}
