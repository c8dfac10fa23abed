import { MdiffError } from './errors.js';

// Why a disk refused to read or write, and what to do about it: the only place that puts the system's error codes into words.

/** The way on after a fault, in words that follow a semicolon. */
export interface Place {
  /** once the cause is gone */
  again: string;
  /** with another folder or file, naming the key or the flag that sets it */
  elsewhere: string;
  /** for a path that is too long */
  shorter?: string;
}

/** The places that mdiff writes to and reads from. */
export const places = {
  /** the folder of a run that has begun */
  run: {
    again: 'run again with --resume',
    elsewhere: 'choose another folder with --set output_dir=…',
    shorter: 'choose a shorter experiment_name or output_dir',
  },
  /** the folder of a run that has no checkpoint yet */
  output: {
    again: 'run the command again',
    elsewhere: 'choose another folder with --set output_dir=…',
    shorter: 'choose a shorter experiment_name or output_dir',
  },
  cache: { again: 'run the command again', elsewhere: 'choose another folder with --set cache_dir=…' },
  /** the system's folder for temporary files */
  temporary: { again: 'run the command again', elsewhere: 'choose another folder with TMPDIR=…' },
  /** a file that the user names */
  file: { again: 'try again', elsewhere: 'choose another file' },
} as const satisfies Record<string, Place>;

/** The fault and its remedy, by the code that Node reports. */
type Fault = readonly [what: string, remedy: (place: Place) => string];

const elsewhere = (place: Place): string => place.elsewhere;
const first =
  (action: string) =>
  ({ again }: Place): string =>
    `${action} and ${again}`;
const or =
  (action: string) =>
  (place: Place): string =>
    `${action}, or ${place.elsewhere}`;

const silentServer: Fault = ['the network file system does not answer', first('check the connection')];
const busy: Fault = ['another program is using it', first('close that program')];
const denied: Fault = ['permission denied', or('change its permissions')];
const unable: Fault = ['this file system cannot do that', elsewhere];

const faults: Readonly<Record<string, Fault>> = {
  EACCES: denied,
  EPERM: denied,
  EROFS: ['read-only file system', elsewhere],
  ENOSPC: ['disk full', first('free space')],
  EDQUOT: ['disk quota used up', first('free space')],
  EFBIG: ['the file is larger than the file system or your limit allows', or('raise the limit (ulimit -f)')],
  ENOENT: ['its folder does not exist', or('make the folder')],
  ENOTDIR: ['a file and a folder have the same name', elsewhere],
  EEXIST: ['a file and a folder have the same name', elsewhere],
  EISDIR: ['it is a folder', elsewhere],
  ENOTEMPTY: ['another process is writing there', first('wait for it')],
  EBUSY: busy,
  ETXTBSY: busy,
  ENAMETOOLONG: ['the name is too long', ({ shorter, elsewhere: other }) => shorter ?? other],
  ELOOP: ['symbolic links in its path lead back to themselves', or('mend the links')],
  EMFILE: ['this process has too many files open', first('raise the limit (ulimit -n 4096)')],
  ENFILE: ['this machine has too many files open', first('close other programs')],
  EMLINK: ['a folder there is full', elsewhere],
  EXDEV: ['its path lies on two file systems', elsewhere],
  EINVAL: unable,
  ENOTSUP: unable,
  EOPNOTSUPP: unable,
  ENOSYS: unable,
  EIO: ['the disk reports an error', or('check the disk')],
  ENXIO: ['the device is not there', elsewhere],
  ENODEV: ['the device is not there', elsewhere],
  ENOMEM: ['the machine has no memory left', first('close other programs')],
  EAGAIN: ['the disk is not ready', first('wait')],
  EINTR: ['a signal interrupted it', ({ again }) => again],
  EPIPE: ['its reader is gone', elsewhere],
  ESTALE: silentServer,
  ENOTCONN: silentServer,
  EHOSTDOWN: silentServer,
  EREMOTEIO: silentServer,
  ETIMEDOUT: silentServer,
};

interface SystemError {
  code: string;
  syscall?: string;
  message: string;
}

/** Calls that fail with the same codes and concern no file. */
const otherCalls = /^(spawn|connect|getaddrinfo|listen|bind|accept|kill)/;
const otherCodes = /^E(CONN|ADDR|AI_|NET|HOSTUNREACH)/;

/** The error as one that the system reported of a file; undefined for any other. */
function systemError(cause: unknown): SystemError | undefined {
  const { code, syscall, message = '' } = (cause ?? {}) as Partial<SystemError>;
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return undefined;
  if (syscall === undefined) return code in faults ? { code, message } : undefined; // ELOCKED and the like are no codes of the system
  return otherCalls.test(syscall) || otherCodes.test(code) ? undefined : { code, syscall, message };
}

/** The words for a code without a row: those of the system, as in "EWEIRD: something odd, open 'x'". */
const inWordsOfSystem = ({ message }: SystemError): Fault => [
  /^E[A-Z0-9]+: (.*?)(?:, \w+|$)/.exec(message)?.[1] ?? 'the system reports an error',
  elsewhere,
];

function faultOf(task: 'read' | 'write', error: SystemError): Fault {
  if (error.code === 'ENOENT' && task === 'read') return ['there is no such file', elsewhere];
  // A read-only or a virtual file system reports a folder that cannot be made so.
  if (error.code === 'ENOENT' && error.syscall === 'mkdir')
    return ['the folder cannot be made', or('check whether the file system is read-only')];
  return faults[error.code] ?? inWordsOfSystem(error);
}

export interface DiskTask {
  task: 'read' | 'write';
  place: Place;
}

/**
 * Says what the system found wrong, with its code, and what to do: `disk full (ENOSPC); free space and run again with --resume`.
 * @returns undefined where `cause` is no error of the system
 */
export function describeFault(cause: unknown, { task, place }: DiskTask): string | undefined {
  const error = systemError(cause);
  if (error === undefined) return undefined;
  const [what, remedy] = faultOf(task, error);
  return `${what} (${error.code}); ${remedy(place)}`;
}

/** Turns a failure of the system while reading or writing `path` into one line that says what to do; anything else passes through. */
export function diskError(path: string, cause: unknown, { task, place }: DiskTask): unknown {
  const fault = describeFault(cause, { task, place });
  if (fault === undefined) return cause;
  const [code, action] = task === 'read' ? ['MDIFF_READ', 'read'] : ['MDIFF_WRITE', 'write to'];
  return new MdiffError(code!, `cannot ${action} ${path}: ${fault}`, 1, { cause });
}
