// The public types of every published package, as text under docs/api/, so that a change of them is seen before it lands. Needs what `npx tsc -b` builds.
//   node tools/api.mjs           compares, and prints `N passed, N failed`
//   node tools/api.mjs --write   takes what is there now
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { counter } from '../checks/count.mjs';
import { isMain, manifest, packageFolders, root } from './workspace.mjs';

const printer = ts.createPrinter({ removeComments: true });

/** A declaration without its comments; of a variable the whole statement, which says that it is constant. */
function declared(node) {
  const whole = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  return printer.printNode(ts.EmitHint.Unspecified, whole, whole.getSourceFile()).trim();
}

/** What a module exports, by name: `name` and the text of its declarations. */
export function exportsOf(checker, source) {
  const module = checker.getSymbolAtLocation(source);
  if (module === undefined) return [];
  return checker
    .getExportsOfModule(module)
    .map((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return { name: symbol.name, text: [...new Set((target.declarations ?? []).map(declared))].sort().join('\n') };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const entriesOf = (path) =>
  Object.entries(manifest(path).exports ?? {}).flatMap(([name, target]) =>
    target.types ? [{ name, file: join(root, path, target.types) }] : [],
  );

function reports() {
  const packages = packageFolders()
    .filter((path) => manifest(path).private !== true)
    .map((path) => ({ name: manifest(path).name, entries: entriesOf(path) }))
    .filter(({ entries }) => entries.length > 0);
  const files = packages.flatMap(({ entries }) => entries.map(({ file }) => file));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`${missing}: expected the types that "npx tsc -b" builds`);
  const options = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, skipLibCheck: true, noEmit: true };
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  return packages.map(({ name, entries }) => ({
    file: `${name.replace('@mdiff/', '')}.txt`,
    text: entries
      .map((entry) => {
        const all = exportsOf(checker, program.getSourceFile(entry.file)).map((one) => `${one.name}\n${one.text.replace(/^/gm, '  ')}\n`);
        return `=== ${entry.name === '.' ? name : `${name}/${entry.name.slice(2)}`}\n\n${all.join('\n')}`;
      })
      .join('\n'),
  }));
}

/** The first line that differs, for people. */
export function difference(before, now) {
  const [old, fresh] = [before.split('\n'), now.split('\n')];
  const at = fresh.findIndex((line, i) => line !== old[i]);
  const i = at < 0 ? fresh.length : at;
  return `line ${i + 1}: was ${JSON.stringify(old[i] ?? 'nothing')}, is ${JSON.stringify(fresh[i] ?? 'nothing')}`;
}

if (isMain(import.meta.url)) {
  const folder = join(root, 'docs/api');
  const found = reports();
  if (process.argv.includes('--write')) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const { file, text } of found) writeFileSync(join(folder, file), text);
    console.log(`${found.length} packages written to docs/api`);
  } else {
    const { check, end } = counter();
    for (const { file, text } of found) {
      const before = existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '';
      const changed = before === text ? '' : `${difference(before, text)}\nif the change is meant, run: node tools/api.mjs --write`;
      check(`public types of ${file.replace('.txt', '')}`, changed);
    }
    const known = existsSync(folder) ? readdirSync(folder) : [];
    const gone = known.filter((file) => !found.some((one) => one.file === file));
    check(
      'no package of docs/api is gone',
      gone.length === 0 ? '' : `${gone.join(', ')}: no such package; run: node tools/api.mjs --write`,
    );
    end();
  }
}
