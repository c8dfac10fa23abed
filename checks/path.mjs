import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A PATH with these programs of the machine and no others: a folder of links inside `folder`. */
export function onlyPath(folder, ...names) {
  const bin = join(folder, `bin-${names.join('-')}`);
  mkdirSync(bin, { recursive: true });
  for (const name of names) {
    const found = process.env.PATH.split(delimiter)
      .map((place) => join(place, name))
      .find((path) => existsSync(path));
    if (found && !existsSync(join(bin, name))) symlinkSync(found, join(bin, name));
  }
  return bin;
}
