import type { ModelConfig } from '@mdiff/config';

/** The keys of the section `model` that describe the network: all but the place that its weights came from. */
export function networkOf(model: ModelConfig): Omit<ModelConfig, 'init_from'> {
  const { init_from, ...network } = model;
  void init_from;
  return network;
}
