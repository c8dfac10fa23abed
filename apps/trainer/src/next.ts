import type { TrainResult } from '@mdiff/train';

/** A finished training, for a program that can write with its model. */
export interface Trained {
  model: string;
  /** the opening words of a paragraph that the model has not seen */
  prompt?: string;
}

/** Called when a training has finished and no log format asks for data alone. */
export type OnTrained = (trained: Trained) => Promise<void>;

/** A path or name as a word of a shell. */
export const inShell = (path: string): string => (/^[\w./:\\-]+$/.test(path) ? path : JSON.stringify(path));

/** The commands that come after a training, with words of its own text. */
export function nextCommands(model: string, excerpt: TrainResult['excerpt']): string[] {
  const folder = inShell(model);
  return [
    'next:',
    `  npx mdiff generate ${folder}${excerpt ? ` --prompt "${excerpt.prompt}"` : ''}`,
    ...(excerpt ? [`  npx mdiff infill ${folder} "${excerpt.gapped}"`] : []),
    `  npx mdiff serve ${folder} --port 8080`,
  ];
}
