/** Working arrays of the scorer, one number per token, kept from one step to the next. */
export interface Scratch {
  x: Float64Array;
  weights: Float64Array;
  tempered: Float64Array;
  ids: Int32Array;
}

const none = new Float64Array(0);

export const newScratch = (): Scratch => ({ x: none, weights: none, tempered: none, ids: new Int32Array(0) });

/** Makes the arrays ready for `size` tokens. */
export function sized(scratch: Scratch, size: number): Scratch {
  if (scratch.x.length === size) return scratch;
  scratch.x = new Float64Array(size);
  scratch.weights = new Float64Array(size);
  scratch.tempered = new Float64Array(size);
  scratch.ids = new Int32Array(size);
  return scratch;
}
