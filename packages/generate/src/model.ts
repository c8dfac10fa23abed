import type { GenerationConfig } from '@mdiff/config';
import type { DenoiserRow } from '@mdiff/diffusion';
import type { ModelFolderConfig } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import type { Tokenizer } from '@mdiff/text';
import type { Session } from './runtime/session.js';

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
  close(): Promise<void>;
}

/** Joins the contents of a folder with a session of any runtime. */
export function openModel(
  folder: Pick<ModelFolder, 'config' | 'name' | 'created' | 'generation'>,
  tokenizer: Tokenizer,
  session: Session,
): Model {
  const { config, name, created, generation } = folder;
  return {
    name,
    created,
    config,
    generation,
    tokenizer,
    denoise: (rows) => denoise(session, config, rows),
    close: () => session.close(),
  };
}

async function denoise(session: Session, config: ModelFolderConfig, canvases: readonly DenoiserRow[]): Promise<Float32Array> {
  const B = canvases.length;
  const S = Math.max(0, ...canvases.map(({ canvas }) => canvas.length));
  const M = canvases.reduce((sum, { positions }) => sum + positions.length, 0);
  if (M === 0) return new Float32Array(0);
  const ids = new Int32Array(B * S).fill(config.pad_token_id);
  const attention = new Int32Array(B * S);
  const rows = new Int32Array(M);
  const shift = config.shift_head ? 1 : 0;
  let m = 0;
  canvases.forEach(({ canvas, positions }, b) => {
    ids.set(canvas, b * S);
    attention.fill(1, b * S, b * S + canvas.length);
    for (const position of positions) rows[m++] = b * S + position - shift;
  });
  return session.run({ ids, attention, rows, batch: B, length: S });
}
