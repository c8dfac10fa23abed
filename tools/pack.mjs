// Packs packages of this checkout, with those that they depend on, for a project elsewhere: mdiff is on no registry yet.
//   npm run pack -- <package>… <folder>
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { closure, execute, isMain, npm, published } from './workspace.mjs';

const usage = 'usage: npm run pack -- <package>… <folder>, for example: npm run pack -- @mdiff/generate ../tarballs';

/** The packages and the folder that a command names. Throws one line for a name that is no package, and for a folder that is not empty. */
export function request(args, from, all = published()) {
  const [folder, ...names] = [...args].reverse();
  const known = all.map(({ name }) => name);
  if (names.length === 0 || known.includes(folder)) throw new Error(usage);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is no package of mdiff that is published; expected ${known.join(', ')}`);
  const target = resolve(from, folder);
  if (existsSync(target) && readdirSync(target).length > 0) throw new Error(`${target} is not empty; name a new folder`);
  return { names: names.reverse(), target };
}

async function pack(args) {
  // npm starts scripts in the checkout and names the folder that the command was typed in.
  const { names, target } = request(args, process.env.INIT_CWD ?? process.cwd());
  await bootstrap();
  mkdirSync(target, { recursive: true });
  const [program, ...before] = npm();
  for (const { path, name } of closure(names)) {
    const { code, text } = await execute(program, [...before, 'pack', '--pack-destination', target, '--loglevel=error'], {
      output: 'keep',
      cwd: resolve(import.meta.dirname, '..', path),
    });
    if (code !== 0) throw new Error(`${name} could not be packed:\n${text.trimEnd()}`);
    console.log(`packed ${name}`);
  }
  console.log(`in your project: npm install ${target}/*.tgz`);
}

if (isMain(import.meta.url)) {
  try {
    await pack(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
