// Brings packages/base-en to the newest checkpoint of a run. Usage: node tools/ship-base.mjs <run folder>
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, isMain, root } from './workspace.mjs';

/** A configuration or a card with every absolute path cut to its last part: the package is public. */
export const withoutPlaces = (yaml) => yaml.replace(/(:\s+"?)(?:[A-Za-z]:)?[\\/]+(?:[^"#\s\\/]+[\\/]+)*([^"#\s\\/]+)/g, '$1$2');

async function ship(run) {
  const folder = mkdtempSync(join(tmpdir(), 'mdiff-ship-'));
  try {
    const model = join(folder, 'model');
    const args = ['export', run, '--dtype', 'float16', '--weights-only', '--out', model];
    const { code } = await execute(process.execPath, [join(root, 'apps/mdiff/bin/mdiff.js'), ...args], { cwd: process.cwd() });
    if (code !== 0) return code;
    const manifest = JSON.parse(readFileSync(join(model, 'manifest.json'), 'utf8'));
    for (const entry of manifest.files.filter(({ path }) => /\.(md|yaml)$/.test(path))) {
      const text = withoutPlaces(readFileSync(join(model, entry.path), 'utf8'));
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
