import type { Batch } from '@mdiff/curriculum';

/** Text the model never trains on, packed once, in a fixed order. */
export interface HeldOut {
  batches: readonly Batch[];
  documents: number;
  /** maskable tokens, the [EOS] of each unit included */
  tokens: number;
  /** UTF-8 bytes of the units' text; the line breaks between units, which [EOS] stands for, are not counted */
  bytes: number;
}
