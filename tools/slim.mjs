// Takes out of node_modules what Node on this machine never loads: half of what an install brings. Files in pnpm's store, which other
// checkouts share, stay.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { filesIn, root } from './workspace.mjs';

const binary = new RegExp(`^tokenizers\\.${process.platform}-(universal|${process.arch})\\b`);

/** Rules by package: `of` matches its name, `drops` the path of a file in it, with slashes. */
export const rules = [
  {
    of: /^onnxruntime-node$/,
    why: 'binaries for other platforms',
    drops: (path) => /^bin\/napi-v\d+\//.test(path) && !path.includes(`/${process.platform}/${process.arch}/`),
  },
  {
    of: /^tokenizers$/,
    why: 'binaries for other platforms',
    drops: (path) => path.endsWith('.node') && !binary.test(path),
  },
  {
    of: /^@tensorflow\/tfjs/,
    why: 'bundles for browsers and mini-programs, and reports of their sizes: Node loads *.node.js, and bundlers the modules',
    drops: (path) => /\.html$|^dist\/(miniprogram\/|tf[-a-z]*(\.es2017|\.fesm)?(\.min)?\.js$)/.test(path),
  },
  {
    of: /^@tensorflow\/tfjs-(?!core)/,
    why: 'tests (those of the core are cases of `checks/trace`)',
    drops: (path) => /_test\.(js|d\.ts)$/.test(path),
  },
  {
    of: /^core-js$/,
    why: 'polyfills that TensorFlow.js names and Node needs none of',
    drops: (path) => path !== 'package.json' && path !== 'LICENSE',
  },
  {
    of: /^onnxruntime-web$/,
    why: 'the runtimes that no page of mdiff asks for: WebGL, JSEP, JSPI, and all of them in one',
    drops: (path) => /^dist\/ort\.(all|webgl|jspi)\.|^dist\/ort\.m?js$|\.(jsep|jspi)\.(wasm|mjs)$/.test(path),
  },
  {
    of: /^gpt-tokenizer$/,
    why: 'the same tables as CommonJS, as TypeScript and as data',
    drops: (path) => /^(src|cjs|data)\//.test(path),
  },
  {
    of: /^typescript$/,
    why: 'messages in other languages',
    drops: (path) => /^lib\/[a-z]{2}(-[a-z]+)?\//.test(path),
  },
  { of: /^/, why: 'source maps', drops: (path) => path.endsWith('.map') },
];

const folders = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : [];

/** The packages that pnpm keeps in a node_modules folder: name and folder of each. */
function* packages(modules) {
  const store = join(modules, '.pnpm');
  for (const kept of folders(store))
    for (const first of folders(join(store, kept, 'node_modules')))
      for (const name of first.startsWith('@')
        ? folders(join(store, kept, 'node_modules', first)).map((last) => `${first}/${last}`)
        : [first])
        yield { name, folder: join(store, kept, 'node_modules', name) };
}

/** Removes the files that `rules` name from a checkout's node_modules; bytes removed. A second time finds nothing and removes nothing. */
export function slim(base = root) {
  let bytes = 0;
  for (const { name, folder } of packages(join(base, 'node_modules'))) {
    const here = rules.filter(({ of }) => of.test(name));
    for (const file of filesIn(folder)) {
      const path = file
        .slice(folder.length + 1)
        .split(sep)
        .join('/');
      if (!here.some(({ drops }) => drops(path))) continue;
      bytes += statSync(file).size;
      rmSync(file);
    }
  }
  return bytes;
}
