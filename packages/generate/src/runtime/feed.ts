// Lays canvases out as the inputs of one forward pass. Knows no runtime.
import type { DenoiserRow } from '@mdiff/diffusion';
import type { ModelFolderConfig } from '@mdiff/folder';

/** One forward pass. `B` canvases padded to length `S`; `M` hidden rows projected to `V` logits each. */
export interface Feed {
  /** int32 [B, S]. */
  readonly ids: Int32Array;
  /** int32 [B, S]: 1 = token, 0 = PAD. */
  readonly attention: Int32Array;
  /** int32 [M]: flattened index b·S + s of each hidden row to project. */
  readonly rows: Int32Array;
  readonly batch: number;
  readonly length: number;
}

/** What the layout must know of a model. */
export interface Reserved {
  readonly maskId: number;
  readonly padId: number;
  /** true: the hidden row before a position predicts it */
  readonly shiftHead: boolean;
  /** V, logits of a position */
  readonly vocabulary: number;
}

export const reservedOf = (config: ModelFolderConfig): Reserved => ({
  maskId: config.mask_token_id,
  padId: config.pad_token_id,
  shiftHead: config.shift_head,
  vocabulary: config.vocab_size,
});

/** Canvases padded to the longest, each with `ahead` more masks behind it. */
export function feedOf(canvases: readonly DenoiserRow[], { maskId, padId, shiftHead, ahead }: Reserved & { readonly ahead: number }): Feed {
  const B = canvases.length;
  const S = Math.max(0, ...canvases.map(({ canvas }) => canvas.length)) + ahead;
  const ids = new Int32Array(B * S).fill(padId);
  const attention = new Int32Array(B * S);
  const rows = new Int32Array(canvases.reduce((sum, { positions }) => sum + positions.length, 0));
  let m = 0;
  canvases.forEach(({ canvas, positions }, b) => {
    const end = b * S + canvas.length;
    ids.set(canvas, b * S);
    ids.fill(maskId, end, end + ahead);
    attention.fill(1, b * S, end + ahead);
    for (const position of positions) rows[m++] = b * S + position - (shiftHead ? 1 : 0);
  });
  return { ids, attention, rows, batch: B, length: S };
}
