// Builds the documentation site into outputs/site/html: gathers the pages of the repository, writes the API reference from the built packages,
// and runs VitePress. Then checks that nothing warned, that every link within the site resolves, and that no page loads anything from elsewhere.
//   npx tsc -b && node docs/site/build.mjs
// Installs VitePress and TypeDoc into docs/site/node_modules first, if they are not there. Ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { counter } from '../../checks/count.mjs';
import { pnpm } from '../../tools/bootstrap.mjs';
import { execute, root } from '../../tools/workspace.mjs';
import { faultsOf } from './links.mjs';
import { pageOf, textOf } from './pages.mjs';

const site = import.meta.dirname;
const work = join(root, 'outputs/site');
const pages = join(work, 'pages');
const { step, end } = counter();

const foreign = new Set(['node_modules', 'dist', 'outputs', 'cache', '.git', '.nx', '.venv', '.github', 'fixtures', 'shared']);
const filesIn = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return foreign.has(entry.name) ? [] : entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
  });

function write(page, text) {
  const file = join(pages, `${page}.md`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const titleOf = (text) => /^# (.*)$/m.exec(text)?.[1].replaceAll('`', '') ?? '';

/** Copies every page with its links and pictures, and returns what the menus show. */
function gather() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(pages, 'public'), { recursive: true });
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const address = (typeof repository === 'string' ? repository : repository?.url)?.replace(/^git\+/, '').replace(/\.git$/, '');
  const picture = (file) => {
    const target = join(pages, 'public', file.replace(/^docs\//, ''));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(root, file), target);
  };
  const titles = new Map();
  for (const file of filesIn('')) {
    const page = pageOf(file);
    if (page === undefined) continue;
    const text = readFileSync(join(root, file), 'utf8');
    titles.set(page, titleOf(text));
    // A start page of its own: VitePress would read its front matter only from the file itself.
    write(page, textOf(file, text, { repository: address, picture }).text);
  }
  write('index', textOf('docs/site/start.md', readFileSync(join(site, 'start.md'), 'utf8'), { repository: address, picture }).text);
  const order = readFileSync(join(root, 'docs/guides/README.md'), 'utf8').matchAll(/^\|? ?\[.*?\]\((.*?)\.md\)/gm);
  const guides = [...order].map(([, path]) => (path.startsWith('../') ? path.slice('../'.length) : `guides/${path}`));
  const rooms = [...titles.keys()].filter((page) => /^(packages|apps)\/[\w-]+\/index$/.test(page)).sort();
  const entry = (page) => ({ title: titles.get(page), page: page.replace(/index$/, '') });
  return { guides: guides.map(entry), packages: rooms.map(entry) };
}

let reference = [];
let log = '';
await step('VitePress and TypeDoc are installed', async () => {
  if (existsSync(join(site, 'node_modules/vitepress'))) return;
  const { command, args } = await pnpm();
  const { code } = await execute(command, [...args, '--dir', site, 'install', '--ignore-workspace', '--frozen-lockfile'], { cwd: site });
  if (code !== 0) return `pnpm ended with code ${code}`;
});
const contents = gather();
await step('TypeDoc reads every entry of every package, without a warning', async () => {
  const { writeReference } = await import('./reference.mjs');
  reference = await writeReference(root, join(pages, 'api'));
});
writeFileSync(
  join(work, 'contents.json'),
  JSON.stringify({ ...contents, reference: reference.map((name) => ({ title: name, page: `api/${name.replaceAll('/', '.')}` })) }),
);
await step('VitePress builds the site, without a warning', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(site, 'node_modules/vitepress/bin/vitepress.js'), 'build', site], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', CI: 'true' },
  });
  log = `${stdout}${stderr}`;
  return status !== 0 || /warn|deprecat|dead link/i.test(log) ? log : '';
});
for (const [name, faults] of Object.entries(
  existsSync(join(work, 'html')) ? faultsOf(join(work, 'html')) : { 'the site is there': ['no outputs/site/html'] },
))
  await step(name, () => faults.slice(0, 40).join('\n'));
end();
