/** A mistake or failure the user can act on; printed as one line, without a stack. */
export class MdiffError extends Error {
  readonly code: string;
  readonly exitCode: number;
  constructor(code: string, message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MdiffError';
    this.code = code;
    this.exitCode = exitCode;
  }
}

const reasons: Record<string, string> = {
  ENOSPC: 'no space left on the disk; free some space and run again with --resume',
  EDQUOT: 'the disk quota is used up; free some space and run again with --resume',
  EROFS: 'the file system is read-only; choose another folder with --set output_dir=…',
  // Node reports a recursive mkdir on a read-only file system so.
  ENOENT: 'the folder cannot be made (is the file system read-only?); choose another with --set output_dir=…',
  EACCES: 'permission denied; choose another folder with --set output_dir=… or change its permissions',
  EPERM: 'permission denied; choose another folder with --set output_dir=… or change its permissions',
  EEXIST: 'a file stands where a folder is needed; choose another folder with --set output_dir=…',
  ENOTDIR: 'a file stands where a folder is needed; choose another folder with --set output_dir=…',
};

/** Turns a file-system failure while writing `path` into a MdiffError that says what to do; anything else passes through. */
export function writeError(path: string, cause: unknown): unknown {
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code;
  const reason = errno === undefined ? undefined : reasons[errno];
  return reason === undefined ? cause : new MdiffError('MDIFF_WRITE', `${path}: expected a writable place, got ${errno}: ${reason}`, 1, { cause });
}

/** A folder that cannot be used as a model: not one, of an unknown version, incomplete or damaged. */
export class ModelError extends Error {
  readonly code = 'MDIFF_MODEL';
  readonly exitCode = 1;
  override readonly name = 'ModelError';
}
