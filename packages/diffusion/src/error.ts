/** A mistake of the caller: one line that says what was expected, what was found and what to do. */
export class DiffusionError extends Error {
  override name = 'DiffusionError';
  constructor(
    readonly code: 'MDIFF_DIFFUSION' | 'MDIFF_LOGITS' | 'MDIFF_SAMPLING',
    message: string,
  ) {
    super(message);
  }
}

/** Throws with code `MDIFF_DIFFUSION` unless `ok`. */
export function check(ok: boolean, message: () => string): asserts ok {
  if (!ok) throw new DiffusionError('MDIFF_DIFFUSION', message());
}
