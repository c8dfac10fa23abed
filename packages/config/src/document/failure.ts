// Faults of writing a file, by the code that Node reports.
const faults: Record<string, string> = {
  EACCES: 'permission denied (EACCES); change its permissions, or choose another file',
  EISDIR: 'it is a folder (EISDIR); choose another file',
  ENOENT: 'its folder does not exist (ENOENT); make the folder, or choose another file',
  ENOSPC: 'disk full (ENOSPC); free space and try again',
  EROFS: 'read-only file system (EROFS); choose another file',
};

/** An error of one line for a failed write: what happened, where, and what to do. */
export function writeFailure(path: string, cause: unknown): Error {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return Object.assign(new Error(`cannot write to ${path}: ${faults[code] ?? `${message}; choose another file`}`, { cause }), {
    code: 'MDIFF_WRITE',
    exitCode: 1,
  });
}
