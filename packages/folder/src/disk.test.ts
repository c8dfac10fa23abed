import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { describeFault, diskError, places } from './disk.js';

const fault = (code: string, syscall = 'open') =>
  Object.assign(new Error(`${code}: words of the system, ${syscall} 'x'`), { code, syscall });

describe('a fault of the disk', () => {
  it.each([
    ['ENOSPC', 'cannot write to runs/a: disk full (ENOSPC); free space and run again with --resume'],
    ['EROFS', 'cannot write to runs/a: read-only file system (EROFS); choose another folder with --set output_dir=…'],
    [
      'EACCES',
      'cannot write to runs/a: permission denied (EACCES); change its permissions, or choose another folder with --set output_dir=…',
    ],
  ])('says what to do after %s', (code, message) => {
    expect(diskError('runs/a', Object.assign(new Error('no'), { code }), { task: 'write', place: places.run })).toMatchObject({
      code: 'MDIFF_WRITE',
      message,
    });
  });

  it.each([
    ['ENAMETOOLONG', places.run, 'the name is too long (ENAMETOOLONG); choose a shorter experiment_name or output_dir'],
    ['ENAMETOOLONG', places.cache, 'the name is too long (ENAMETOOLONG); choose another folder with --set cache_dir=…'],
    ['ENOSPC', places.cache, 'disk full (ENOSPC); free space and run the command again'],
    ['ENOTDIR', places.cache, 'a file and a folder have the same name (ENOTDIR); choose another folder with --set cache_dir=…'],
    [
      'ELOOP',
      places.output,
      'symbolic links in its path lead back to themselves (ELOOP); mend the links, or choose another folder with --set output_dir=…',
    ],
    ['EMFILE', places.output, 'this process has too many files open (EMFILE); raise the limit (ulimit -n 4096) and run the command again'],
    ['EIO', places.file, 'the disk reports an error (EIO); check the disk, or choose another file'],
    ['EWEIRD', places.file, 'words of the system (EWEIRD); choose another file'],
  ])('%s at %o', (code, place, text) => {
    expect(describeFault(fault(code), { task: 'write', place })).toBe(text);
  });

  it.each(Object.keys(constants.errno).filter((code) => !/^E(CONN|ADDR|NET|HOSTUNREACH)/.test(code)))(
    '%s has a sentence with its code and a remedy',
    (code) => {
      for (const task of ['read', 'write'] as const)
        for (const place of Object.values(places)) {
          expect(describeFault(fault(code), { task, place })).toMatch(new RegExp(`^[^;]+ \\(${code}\\); [^;]+$`));
        }
    },
  );

  it('is told of a file that is read, too', async () => {
    const missing = await readFile('/no/such/file').catch((error: unknown) => error);
    expect(diskError('x.json', missing, { task: 'read', place: places.file })).toMatchObject({
      code: 'MDIFF_READ',
      message: 'cannot read x.json: there is no such file (ENOENT); choose another file',
      cause: missing,
    });
  });

  it('is not a failure of the network or of a process, nor any other error', () => {
    for (const other of [
      fault('ECONNREFUSED', 'connect'),
      fault('ENOENT', 'spawn c++'),
      fault('EACCES', 'listen'),
      new TypeError('x'),
      undefined,
    ])
      expect(diskError('x', other, { task: 'write', place: places.run })).toBe(other);
  });
});
