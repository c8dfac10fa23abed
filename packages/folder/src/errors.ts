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

/** Remedies that the user has after a failed write. */
export interface WriteRemedies {
  /** how to continue once there is space */
  again: string;
  /** the key that names another folder */
  elsewhere: string;
}

const ofRun: WriteRemedies = { again: 'run again with --resume', elsewhere: '--set output_dir=…' };

/** The fault and its remedy, by the code that Node reports. */
function explain(errno: string | undefined, { again, elsewhere }: WriteRemedies): [what: string, remedy: string] | undefined {
  const another = `choose another folder with ${elsewhere}`;
  if (errno === 'ENOSPC') return ['disk full', `free space and ${again}`];
  if (errno === 'EDQUOT') return ['disk quota used up', `free space and ${again}`];
  if (errno === 'EROFS') return ['read-only file system', another];
  // Node reports a recursive mkdir on a read-only file system so.
  if (errno === 'ENOENT') return ['the folder cannot be made', `check whether the file system is read-only, or ${another}`];
  if (errno === 'EACCES' || errno === 'EPERM') return ['permission denied', `change its permissions, or ${another}`];
  if (errno === 'EEXIST' || errno === 'ENOTDIR' || errno === 'EISDIR') return ['a file and a folder have the same name', another];
  return undefined;
}

/** Turns a file-system failure while writing `path` into a MdiffError that says what to do; anything else passes through. */
export function writeError(path: string, cause: unknown, remedies: WriteRemedies = ofRun): unknown {
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code;
  const explanation = explain(errno, remedies);
  if (explanation === undefined) return cause;
  const [what, remedy] = explanation;
  return new MdiffError('MDIFF_WRITE', `cannot write to ${path}: ${what} (${errno}); ${remedy}`, 1, { cause });
}

/** A folder that cannot be used as a model: not one, of an unknown version, incomplete or damaged. */
export class ModelError extends Error {
  readonly code = 'MDIFF_MODEL';
  readonly exitCode = 1;
  override readonly name = 'ModelError';
}
