// The address of the project in the manifests of its packages. It stands once, in `repository` (and `homepage`) of the root's package.json.
//   node tools/address.mjs           ends with code 1 while the root names none, or a manifest differs; `npm publish` runs this first
//   node tools/address.mjs --write   writes it into every package that is published
import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { isMain, manifest, published, root } from './workspace.mjs';

const keys = ['repository', 'homepage', 'bugs'];

/** What a manifest says of the address, given the root's manifest: nothing while that has no `repository`. */
export function addressOf({ repository, homepage }, folder) {
  const url = (typeof repository === 'string' ? repository : repository?.url)?.replace(/^git\+/, '').replace(/\.git$/, '');
  if (url === undefined) return {};
  return {
    repository: { type: 'git', url: `git+${url}.git`, directory: folder },
    homepage: homepage ?? `${url}/tree/main/${folder}#readme`,
    bugs: `${url}/issues`,
  };
}

/** A manifest with the address behind its licence, and without an earlier one. */
export function withAddress(own, address) {
  const entries = Object.entries(own).filter(([key]) => !keys.includes(key));
  const place = entries.findIndex(([key]) => key === 'license');
  return Object.fromEntries([...entries.slice(0, place + 1), ...Object.entries(address), ...entries.slice(place + 1)]);
}

/** What is wrong for publishing, as one line; undefined if nothing is. */
export function addressFault(top, packages) {
  if (top.repository === undefined)
    return 'nothing can be published yet: package.json at the root names no repository; set it there, then run: node tools/address.mjs --write';
  const stale = packages.filter(({ path, ...own }) => !isDeepStrictEqual(withAddress(own, addressOf(top, path)), own));
  if (stale.length > 0)
    return `the address in ${stale.map(({ path }) => `${path}/package.json`).join(', ')} is not that of the root's package.json; run: node tools/address.mjs --write`;
}

if (isMain(import.meta.url)) {
  const top = manifest('.');
  if (process.argv[2] === '--write') {
    for (const { path, ...own } of published())
      writeFileSync(join(root, path, 'package.json'), `${JSON.stringify(withAddress(own, addressOf(top, path)), null, 2)}\n`);
  } else {
    const fault = addressFault(top, published());
    if (fault !== undefined) {
      console.error(fault);
      process.exitCode = 1;
    }
  }
}
