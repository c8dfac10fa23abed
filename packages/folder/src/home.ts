import { mustBe } from '@mdiff/arguments';

/**
 * A path that begins with `~/` in the folder `home`; any other path as it is. A shell expands `~` only at the start of a word, so `--set data_dir=~/x`
 * and `--config=~/x` reach mdiff with it.
 */
export const expandHome = (path: string, home: string | undefined): string => {
  mustBe('expandHome', 'path', path, 'string');
  return home !== undefined && /^~(?=$|[\\/])/.test(path) ? home.replace(/[\\/]$/, '') + path.slice(1) : path;
};
