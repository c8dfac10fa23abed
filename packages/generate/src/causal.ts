// Denoises from left to right with the causal graph: each pass reads the tokens that were committed since the last one. Where the inference thread fills
// canvases, it does so there; where it does not, a writer reads and the caller's thread draws the same tokens.
import { denoiseBatch, sampler, type DenoiseResult, type Denoiser, type DenoiserRow } from '@mdiff/diffusion';
import { GenerateError } from './errors.js';
import { fillCanvases, type Watch } from './fillcanvases.js';
import type { Model } from './model.js';
import type { FillArgs } from './runtime/filling.js';
import type { Writer } from './runtime/session.js';

type OpenWriter = NonNullable<Model['openWriter']>;

/** Texts whose next token has the same position: they are read and written in step. */
interface Group {
  readonly writer: Writer;
  /** of each text in the cache, the tokens that were read */
  texts: readonly Int32Array[];
  /** how many those are */
  read: number;
}

/**
 * Fills canvases from left to right. Throws {@link GenerateError} where the model cannot write so, and for a text that is `closed`: fixed text
 * follows a gap.
 */
export async function fillCausal(
  { model, closed }: { model: Model; closed: boolean },
  args: FillArgs,
  { signal, onStep }: Watch,
): Promise<readonly DenoiseResult[]> {
  if (closed) {
    throw new GenerateError(
      'sampler: "causal" writes from left to right and does not see what follows, so it takes no suffix and fills no gap; choose another sampler',
    );
  }
  if (model.openWriter === undefined) throw new GenerateError(`sampler: "causal" ${reasonOf(model)}`);
  // The causal graph reads nothing behind a mask.
  if (model.openFilling) return fillCanvases(model, { ...args, ahead: 0 }, { signal, onStep });
  const { seeds, canvases, constraints, options } = args;
  const passes = causalPasses(model.openWriter, model.config.vocab_size);
  try {
    return await denoiseBatch({
      canvases,
      constraints,
      options,
      seed: seeds,
      maskId: model.config.mask_token_id,
      sampler: sampler('causal'),
      denoiser: passes.denoiser,
      ...(signal && { signal }),
      ...(onStep && { onStep }),
    });
  } finally {
    await passes.close().catch(() => undefined); // the model may have been closed
  }
}

/**
 * The denoiser of one batch: logits [M, V] of the first mask of each canvas. A canvas is known by its tokens in front of the mask, since the
 * driver asks for equal canvases once: a prompt is read once for all its texts, which part with their first token.
 */
function causalPasses(openWriter: OpenWriter, size: number): { denoiser: Denoiser; close(): Promise<void> } {
  let groups: Group[] | undefined;
  return {
    async denoiser(rows) {
      groups ??= await openGroups(openWriter, rows);
      const out = new Float32Array(rows.length * size);
      for (const group of groups) {
        const members = [...rows.keys()].filter((row) => isNext(group, rows[row]!));
        if (members.length === 0) continue;
        const texts = members.map((row) => rows[row]!.canvas.slice(0, rows[row]!.positions[0]));
        const logits = await next(group, texts);
        members.forEach((row, i) => out.set(logits.subarray(i * size, (i + 1) * size), row * size));
      }
      return out;
    },
    close: async () => void (await Promise.all((groups ?? []).map(({ writer }) => writer.close()))),
  };
}

/** At the first pass a group waits for the whole text in front of the mask, and then for one token. */
const isNext = ({ texts, read }: Group, { positions: [position] }: DenoiserRow): boolean =>
  read === 0 ? position === texts[0]!.length : position === read + 1;

function reasonOf({ name, config }: Model): string {
  if (!config.shift_head) return `needs a model with model.shift_head, and ${name} has none; choose another sampler`;
  if (config.causal_share === 0)
    return `needs a model that has learnt to predict the next token, and ${name} has not (training.causal_fraction was 0); train with training.causal_fraction, or choose another sampler`;
  return `needs onnx/causal.onnx (in 8 bits onnx/causal_quantized.onnx), and the folder of ${name} has none; export it again with: mdiff export <its run>`;
}

/** A group for each position. Its texts are known, and not read yet. */
async function openGroups(openWriter: OpenWriter, rows: readonly DenoiserRow[]): Promise<Group[]> {
  const positions = [...new Set(rows.map(({ positions }) => positions[0]!))];
  return Promise.all(
    positions.map(async (position): Promise<Group> => {
      const canvases = rows.filter(({ positions: [first] }) => first === position).map(({ canvas }) => canvas);
      const places = Math.max(...canvases.map(({ length }) => length));
      const writer = await openWriter({ batch: canvases.length, places });
      return { writer, texts: canvases.map((canvas) => canvas.slice(0, position)), read: 0 };
    }),
  );
}

/** Reads what is new in these texts, each of which begins with one of the group, and gives the logits of what follows them. */
async function next(group: Group, texts: readonly Int32Array[]): Promise<Float32Array> {
  const { read, writer } = group;
  // Before the first pass a text of the group is one of these as it stands.
  const before = (text: Int32Array): string => (read === 0 ? text : text.subarray(0, read)).join();
  const known = new Map(group.texts.map((text, i) => [before(text), i]));
  const sources = texts.map((text) => known.get(before(text))!);
  if (sources.length !== group.texts.length || sources.some((source, i) => source !== i)) await writer.keep(sources);
  group.texts = texts;
  group.read = texts[0]!.length;
  const length = group.read - read;
  const ids = new Int32Array(texts.length * length);
  texts.forEach((text, i) => ids.set(text.subarray(read), i * length));
  return writer.next({ ids, length });
}
