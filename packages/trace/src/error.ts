/** Files whose stack frames are not the caller's own line. */
const INTERNAL =
  /node_modules[\\/](?:\.pnpm[\\/])?@tensorflow|[\\/]packages[\\/]trace[\\/](?:src|dist)[\\/](?!.*\.test\.)|@mdiff[\\/]trace|node:internal/;

/** mdiff cannot trace or lower a function. `message` is one line: the operation, the caller's line if the stack shows it, and the remedy. */
export class TraceError extends Error {
  readonly code = 'MDIFF_TRACE';
  /** The refusal is one of TensorFlow.js: a kernel does not accept these shapes. */
  refusedByKernel?: boolean;
  constructor(message: string) {
    super(message);
    this.name = 'TraceError';
  }
}

/** The innermost frame of `stack` that is neither TensorFlow.js nor this package, as `file:line`, or undefined. */
function callerLine(stack: string | undefined): string | undefined {
  for (const line of (stack ?? '').split('\n').slice(1)) {
    const place = /\(?((?:file:\/\/)?[^\s()]+:\d+):\d+\)?$/.exec(line.trim())?.[1];
    if (place && !INTERNAL.test(place)) return place.replace(/^file:\/\//, '');
  }
  return undefined;
}

/** ` at file:line` for a message; empty when the stack does not show the caller. */
export function atLine(stack: string | undefined): string {
  const line = callerLine(stack);
  return line ? ` at ${line}` : '';
}

/** A message of TensorFlow.js, some of which have several lines, as one line without a full stop at its end. */
export const oneLine = ({ message }: Error): string =>
  message
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');

/** The error of loading a package that has to stand beside this one: which one to install, or the error itself if it is another one. */
export function absentPeer(error: unknown, name: string): unknown {
  const { code, message = '' } = error as Partial<NodeJS.ErrnoException>;
  if (!/^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') || !message.includes(`'${name}'`)) return error;
  return new TraceError(`@mdiff/trace needs ${name}, which is not installed; install it with: npm install ${name}`);
}
