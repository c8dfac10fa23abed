import { mustBe } from '@mdiff/arguments';
import type { GenerationConfig } from '@mdiff/config';
import type { DenoiserRow } from '@mdiff/diffusion';
import type { ModelFolderConfig } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import type { Tokenizer } from '@mdiff/text';
import { feedOf, reservedOf } from './runtime/feed.js';
import type { CacheSize, Session, Writer } from './runtime/session.js';

/** A loaded model. Call {@link Model.close} when done: its session owns a thread. */
export interface Model {
  readonly name: string;
  readonly created: number;
  readonly config: ModelFolderConfig;
  readonly generation: Partial<GenerationConfig>;
  readonly tokenizer: Tokenizer;
  /**
   * One forward pass over canvases of any lengths (at most `max_seq_len`; they begin with `[BOS]` where the model has `shift_head`).
   * → float32 [M, V]: the unnormalised log-probabilities of the M wanted positions, canvas after canvas.
   */
  denoise(rows: readonly DenoiserRow[]): Promise<Float32Array>;
  /** Begins texts that are written from left to right; undefined where the folder has no graph for it. */
  openWriter?(size: CacheSize): Promise<Writer>;
  /**
   * Fills canvases beside the forward passes: no logits cross to the caller's thread, and its event loop stays free. If undefined, the caller's
   * thread draws the same tokens from `denoise`.
   */
  openFilling?: Session['openFilling'];
  /** Cuts a long text into units beside the caller's thread; if undefined, the caller's thread cuts it. */
  unitsOf?: Session['unitsOf'];
  /** Tells a listener of the forward passes; undefined where the runtime does not tell. */
  onPass?: Session['onPass'];
  close(): Promise<void>;
}

/** Joins the contents of a folder with a session of any runtime. */
export function openModel(
  folder: Pick<ModelFolder, 'config' | 'name' | 'created' | 'generation'>,
  tokenizer: Tokenizer,
  session: Session,
): Model {
  mustBe('openModel', 'folder', folder, 'object');
  mustBe('openModel', 'tokenizer', tokenizer, 'object');
  mustBe('openModel', 'session', session, 'object');
  const { config, name, created, generation } = folder;
  return {
    name,
    created,
    config,
    generation,
    tokenizer,
    denoise: async (rows) =>
      rows.some(({ positions }) => positions.length > 0)
        ? session.run(feedOf(rows, { ...reservedOf(config), ahead: 0 }))
        : new Float32Array(0),
    openFilling: session.openFilling,
    ...(session.unitsOf && { unitsOf: session.unitsOf }),
    ...(session.onPass && { onPass: session.onPass }),
    ...(session.openWriter && { openWriter: session.openWriter }),
    close: () => session.close(),
  };
}
