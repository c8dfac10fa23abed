// The built commands on the first long-term release of Node 20, which no machine of ours runs any more: its files come from npm.
//   node checks/oldest/suite.mjs <empty folder>
// Prints `N passed, N failed`.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, npm, root } from '../../tools/workspace.mjs';
import { counter } from '../count.mjs';

const VERSION = '20.9.0';
const folder = process.argv[2];
const { check, end } = counter();

mkdirSync(join(folder, 'books/part'), { recursive: true });
writeFileSync(join(folder, 'package.json'), '{ "private": true }');
const [program, ...args] = npm();
const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const installed = await execute(program, [...args, 'install', `${name}@${VERSION}`, '--no-audit', '--no-fund'], {
  output: 'keep',
  cwd: folder,
});
check(`npm installs Node ${VERSION}`, installed.code === 0 ? '' : installed.text);

const bin = join(folder, 'node_modules', name, 'bin');
const node = join(bin, readdirSync(bin)[0]);
async function mdiff(what, given, wanted) {
  const { code, text } = await execute(node, [join(root, 'apps/mdiff/dist/main.js'), ...given], { output: 'keep', cwd: folder });
  check(what, code === 0 && wanted.test(text) ? '' : `code ${code}\n${text}`);
}

const sentence = 'The whale swam by the ship, and the captain stood upon the deck and looked after it.';
for (const [file, many] of [
  ['books/one.txt', 40],
  ['books/part/two.txt', 20],
])
  writeFileSync(join(folder, file), Array.from({ length: many }, (_, i) => `${sentence} It was day ${i}.`).join('\n\n'));

const version = await execute(node, ['--version'], { output: 'keep' });
check('that version runs', version.text.trim() === `v${VERSION}` ? '' : version.text);
await mdiff('data inspect reads a folder and its subfolder', ['data', 'inspect', 'books'], /two\.txt/);
const small = { d_model: 32, n_layers: 1, n_heads: 2, d_ff: 64, vocab_size: 300 };
const settings = {
  ...Object.fromEntries(Object.entries(small).map(([key, value]) => [`model.${key}`, value])),
  'training.max_steps': 2,
  'training.max_minutes': 'null',
};
await mdiff(
  'train trains and exports',
  [
    'train',
    'books',
    '--preset',
    'quickstart_scratch',
    '--no-sample',
    ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
  ],
  /bits\/byte/,
);
await mdiff(
  'generate writes',
  ['generate', 'outputs/books/model', '--prompt', 'The', '--max-tokens', '4', '--json', '--seed', '1'],
  /"text":"The/,
);
await mdiff('score scores', ['score', 'outputs/books/model', sentence], /bits\/byte/);
end();
