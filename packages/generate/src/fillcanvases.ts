// Fills canvases with a model, and reports the steps to the caller.
import { denoiseBatch, DiffusionError, sampler, type DenoiseResult, type DenoiserRow, type StepEvent } from '@mdiff/diffusion';
import { ModelError } from '@mdiff/folder';
import type { Model } from './model.js';
import { reservedOf } from './runtime/feed.js';
import type { FillArgs } from './runtime/filling.js';

export interface Watch {
  /** aborting rejects with the signal's reason, between two passes */
  readonly signal: AbortSignal | undefined;
  readonly onStep: ((event: StepEvent) => void) | undefined;
}

export async function fillCanvases(model: Model, args: FillArgs, { signal, onStep }: Watch): Promise<readonly DenoiseResult[]> {
  if (!model.openFilling) return fillHere(model, args, { signal, onStep });
  signal?.throwIfAborted();
  const filling = await model.openFilling({ ...args, ...reservedOf(model.config), watched: onStep !== undefined }).catch(restored);
  try {
    for (;;) {
      const { events, results } = await orAborted(filling.progress().catch(restored), signal);
      for (const event of events) {
        signal?.throwIfAborted();
        onStep!(event);
      }
      if (results) return results;
    }
  } finally {
    // A closed model has no filling left to close, and the pass has said so.
    await filling.close().catch(() => undefined);
  }
}

/** The promise, or the signal's reason as soon as it aborts: a filling that waits for a place in a pass need not have it. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The same tokens, drawn in the caller's thread. */
function fillHere(model: Model, { seeds, ahead, ...args }: FillArgs, { signal, onStep }: Watch): Promise<readonly DenoiseResult[]> {
  const maskId = model.config.mask_token_id;
  return denoiseBatch({
    ...args,
    seed: seeds,
    maskId,
    sampler: sampler(args.sampler),
    denoiser: (rows) => model.denoise(rows.map((row) => lengthened(row, ahead, maskId))),
    ...(signal && { signal }),
    ...(onStep && { onStep }),
  });
}

function lengthened(row: DenoiserRow, masks: number, maskId: number): DenoiserRow {
  if (masks === 0) return row;
  const canvas = new Int32Array(row.canvas.length + masks).fill(maskId);
  canvas.set(row.canvas);
  return { ...row, canvas };
}

/** Throws the error again, as the class that it had before it crossed threads. */
function restored(error: unknown): never {
  const { code, message } = error as { code?: DiffusionError['code']; message: string };
  throw code?.startsWith('MDIFF_') && !(error instanceof ModelError) ? new DiffusionError(code, message) : error;
}
