// Writes the figures that documents quote to bench/results/ and docs/.
import { readFileSync, writeFileSync } from 'node:fs';
import { root } from '../../tools/workspace.mjs';
import { join } from 'node:path';

const put = (path, content) => {
  writeFileSync(join(root, path), content);
  console.log(path);
};

/** Writes bench/results/<name>.json and says so. */
export const writeResult = (name, value, indent = 1) => put(`bench/results/${name}.json`, `${JSON.stringify(value, null, indent)}\n`);

export const resultPath = (name) => join(root, 'bench/results', `${name}.json`);

/** Writes docs/<name>.svg and says so. */
export const writeChart = (name, svg) => put(`docs/${name}.svg`, svg);

/** Replaces the table of a page between the lines `<!-- name -->` and `<!-- /name -->`. */
export function writeTable(path, name, table) {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const page = readFileSync(join(root, path), 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path}: expected the lines ${begin.trim()} and ${end}`);
  put(path, `${page.slice(0, from + begin.length)}\n${table.trim()}\n\n${page.slice(to)}`);
}

/** Writes the figures of a run of parts only, where the user asked for it. */
export function writeTo(file, value, indent = 1) {
  writeFileSync(file, `${JSON.stringify(value, null, indent)}\n`);
  console.log(file);
}

export const fixed = (value, digits) => Number(value.toFixed(digits));
