// Brings packages/base-en to the newest checkpoint of a run. Usage: node tools/ship-base.mjs <run folder>
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, isMain, root } from './workspace.mjs';

/** A configuration or a card with every absolute path cut to its last part: the package is public. */
export const withoutPlaces = (yaml) => yaml.replace(/(:\s+"?)(?:[A-Za-z]:)?[\\/]+(?:[^"#\s\\/]+[\\/]+)*([^"#\s\\/]+)/g, '$1$2');

/** Rows of the curve on the card, at most. */
const ROWS = 14;

/** The held-out figures of a run as a table, from the lines of its metrics.jsonl: the last, and at most every n-th before it. */
export function curveOf(metrics) {
  const evaluated = metrics.filter((line) => line.bits_per_byte !== undefined);
  const every = Math.ceil(evaluated.length / ROWS);
  const shown = evaluated.filter((_, i) => (evaluated.length - 1 - i) % every === 0);
  const rows = shown.map(
    ({ step, lr, nelbo, nelbo_se: se, bits_per_byte: bound, causal_bits_per_byte: causal }) =>
      `| ${step.toLocaleString('en-US')} | ${Number(lr.toPrecision(2))} | ${bound.toFixed(3)} ± ${((se * bound) / nelbo).toFixed(3)} | ${causal === undefined ? '' : causal.toFixed(3)} |\n`,
  );
  return `## Curve\n\nHeld-out bits/byte of the averaged weights, from the record of the run. The last evaluation of a run draws more masks than those before it, so its error is smaller.\n\n| step | rate | bound (NELBO) | next token |\n|---|---|---|---|\n${rows.join('')}`;
}

/** The card of a package: with its licence, its curve, and a link to the page about its texts. */
export function publishedCard(card, metrics) {
  const parts = card.replace('library_name: mdiff\n', 'library_name: mdiff\nlicense: apache-2.0\nlanguage: en\n').split('## Use\n');
  return `${parts[0]}[Texts, recipe, licence](DATA.md)\n\n${curveOf(metrics)}\n## Use\n${parts.slice(1).join('## Use\n')}`;
}

const metricsOf = (run) =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

async function ship(run) {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-ship-'));
  try {
    const model = join(folder, 'model');
    const args = ['export', run, '--dtype', 'float16', '--weights-only', '--out', model];
    const { code } = await execute(process.execPath, [join(root, 'apps/mdiff/bin/mdiff.js'), ...args], { cwd: process.cwd() });
    if (code !== 0) return code;
    const manifest = JSON.parse(readFileSync(join(model, 'manifest.json'), 'utf8'));
    for (const entry of manifest.files.filter(({ path }) => /\.(md|yaml)$/.test(path))) {
      const cut = withoutPlaces(readFileSync(join(model, entry.path), 'utf8'));
      const text = entry.path === 'README.md' ? publishedCard(cut, metricsOf(run)) : cut;
      writeFileSync(join(model, entry.path), text);
      entry.size = Buffer.byteLength(text);
      entry.sha256 = createHash('sha256').update(text).digest('hex');
    }
    writeFileSync(join(model, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    for (const name of [...manifest.files.map(({ path }) => path), 'manifest.json'])
      copyFileSync(join(model, name), join(root, 'packages/base-en', name));
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  const [run, ...rest] = process.argv.slice(2);
  if (run === undefined || rest.length > 0) {
    console.error('usage: node tools/ship-base.mjs <run folder>');
    process.exitCode = 2;
  } else process.exitCode = await ship(run);
}
