// The content of the page of a run: plain records, which any package may fill.

/** One metric line. */
export interface RunPoint {
  step: number;
  stage: string;
  objective: 'causal' | 'diffusion' | 'mixed';
  /** nats per token */
  loss: number;
  causalLoss?: number;
  rate: number;
  gradNorm: number;
  tokensPerSecond: number;
  /** held-out */
  bitsPerByte?: number;
  /** of an evaluation with several masks of each unit: by the one mask that the others have */
  briefBitsPerByte?: number;
  nelbo?: number;
  nelboError?: number;
  causalBitsPerByte?: number;
  /** mean loss of a masked token in equal parts of the mask ratios (0, 1], nats; null where no mask has such a ratio */
  byRatio?: readonly (number | null)[];
  skipped?: number;
}

export interface RunSample {
  step: number;
  /** the given words that the text begins with */
  prompt: string;
  text: string;
}

/** Names and values, in order. */
export type Facts = readonly (readonly [name: string, value: string])[];

export interface RunPageRecord {
  name: string;
  /** title of the text */
  text: string;
  state: 'training' | 'finished' | 'stopped';
  /** time until a run that goes on ends, in words */
  left?: string;
  step: number;
  /** of the plan */
  steps: number;
  stages: readonly { name: string; steps: number }[];
  points: readonly RunPoint[];
  samples: readonly RunSample[];
  /** sentences on what went otherwise than planned */
  notices: readonly string[];
  /** the first figures, large */
  figures: Facts;
  /** where text, tokenizer, base model and figures come from */
  fingerprint: Facts;
  /** the keys that a layer of the configuration changed, then all */
  changed: Facts;
  configuration: Facts;
}
