// Two flags that a thread shares with the thread that started it, so that nobody ends a thread inside native code: ONNX Runtime then ends the
// whole process (SIGABRT), because its answer finds no JavaScript to return to. Ending a thread between two calls is safe.

/** int32 [2] in shared memory: 1 = a call runs; 1 = no other call may begin. */
export type Latch = Int32Array;

const BUSY = 0;
const SHUT = 1;

const open = new Set<Latch>();

/** A latch that also holds back `process.exit` in this thread until the call that runs has ended. */
export function latch(): Latch {
  const flags = new Int32Array(new SharedArrayBuffer(8));
  if (open.size === 0) process.on('exit', shutAll);
  open.add(flags);
  return flags;
}

/** Takes the latch of a thread that has ended out of those that `process.exit` waits for. */
export function forget(flags: Latch): void {
  open.delete(flags);
  if (open.size === 0) process.off('exit', shutAll);
}

/** No other call begins from now on. */
export const shut = (flags: Latch): void => void Atomics.store(flags, SHUT, 1);

/** Called by the thread before a call. @returns false if the latch is shut */
export function claim(flags: Latch): boolean {
  Atomics.store(flags, BUSY, 1);
  return Atomics.load(flags, SHUT) === 0;
}

/** Called by the thread after a call. */
export function release(flags: Latch): void {
  Atomics.store(flags, BUSY, 0);
  Atomics.notify(flags, BUSY);
}

function shutAll(): void {
  for (const flags of open) shut(flags);
  for (const flags of open) Atomics.wait(flags, BUSY, 1);
}
