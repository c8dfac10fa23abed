import { MdiffError, places } from '@mdiff/folder';
import { lockFolder } from '@mdiff/folder/node';
import type { TrainOptions } from './options.js';

/**
 * Runs `task` while no other process can write to the run folder. Should another one take over the lock (this machine slept, or its clock jumped),
 * the signal that `task` gets is aborted with that error. The process is not ended at once: ONNX Runtime aborts a process that exits during a step.
 */
export async function underLock<T>(folder: string, options: TrainOptions, task: (options: TrainOptions) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(options.signal.reason);
  if (options.signal.aborted) stop();
  options.signal.addEventListener('abort', stop);
  const release = await lockFolder(folder, { place: places.output, onLost: (error) => controller.abort(error) });
  try {
    return await task({ ...options, signal: controller.signal });
  } finally {
    options.signal.removeEventListener('abort', stop);
    await release();
  }
}

/** @throws if another process has taken over the run folder: from then on this one must not write there */
export function stopIfLost({ aborted, reason }: AbortSignal): void {
  if (aborted && reason instanceof MdiffError && reason.code === 'MDIFF_LOCKED') throw reason;
}
