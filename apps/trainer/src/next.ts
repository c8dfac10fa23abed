import type { TrainResult } from '@mdiff/train';

/** A model of a training, for a program that can write with it. */
export interface Trained {
  model: string;
  /** `base`: the model that the run starts from; `tuned`: the model of such a run; `scratch`: of another run */
  origin: 'base' | 'tuned' | 'scratch';
  /** the opening words of a paragraph that the model has not seen */
  prompt?: string;
}

/** Called before a training that starts from a base model, and when a training has finished; not if the log format asks for data alone. */
export type OnTrained = (trained: Trained) => Promise<void>;

/** A path or name as a word of a shell. */
export const inShell = (path: string): string => (/^[\w./:\\-]+$/.test(path) ? path : JSON.stringify(path));

/** The commands that come after a training, with words of its own text. An autoregressive model fills no gaps. */
export function nextCommands(model: string, excerpt: TrainResult['excerpt'], autoregressive = false): string[] {
  const folder = inShell(model);
  return [
    'next:',
    `  npx mdiff generate ${folder}${excerpt ? ` --prompt "${excerpt.prompt}"` : ''}`,
    ...(excerpt && !autoregressive ? [`  npx mdiff infill ${folder} "${excerpt.gapped}"`] : []),
    `  npx mdiff serve ${folder} --open`,
  ];
}

/** The last line of a training that logs JSON lines: what came out, for programs. */
export function resultLine({ finished, step, steps, folder, model, nelbo, causalBitsPerByte }: TrainResult): string {
  const figures = {
    ...(nelbo && { nelbo: nelbo.nelbo, bits_per_byte: nelbo.bitsPerByte }),
    ...(causalBitsPerByte !== undefined && { causal_bits_per_byte: causalBitsPerByte }),
  };
  return `${JSON.stringify({ event: 'result', finished, step, steps, folder, ...(model !== undefined && { model }), ...figures })}\n`;
}
