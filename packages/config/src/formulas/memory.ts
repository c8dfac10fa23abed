import { mustBe } from '@mdiff/arguments';
import { paramCountExact } from './params.js';
import type { HardwareConfig, ModelConfig, TrainingConfig } from '../sections/types.js';

export interface MemoryOptions {
  /** Bytes per activation: 4, or 2 where mixed precision is applied. */
  activationBytes?: number;
  /** Measured factor of an engine on activations and logits. */
  activationFactor?: number;
  /** Measured factor of an engine's run on the state: copies that saving, evaluation and export hold beside it. */
  stateFactor?: number;
  /** Measured bytes an engine needs before anything is built. */
  baseBytes?: number;
  /** Bytes that this machine, or the container of this process, has; for a device that computes in this memory. */
  limitBytes?: number;
}

/** All in bytes, per worker. */
export interface MemoryEstimate {
  weights: number;
  gradients: number;
  moments: number;
  ema: number;
  state: number;
  activations: number;
  logits: number;
  base: number;
  total: number;
  usable: number;
  perRow: number;
  /** Copies of the parameters the optimiser needs: 4, or 5 with EMA. */
  needed: number;
}

type Sizes = {
  model: ModelConfig;
  training: Pick<TrainingConfig, 'batch_size' | 'use_gradient_checkpointing' | 'ema_decay'>;
  hardware: HardwareConfig;
};

/** Bytes one layer keeps for one row: (e/2)·s·h·(34 + 5as/h), Korthikanti et al. 2022 (arXiv 2205.05198), section 4.1, scaled from 16 bits. */
export function layerBytes(model: ModelConfig, bytes = 4): number {
  mustBe('layerBytes', 'model', model, 'object');
  mustBe('layerBytes', 'bytes', bytes, 'number');
  const { max_seq_len: s, d_model: h, n_heads: a } = model;
  return (bytes / 2) * s * h * (34 + (5 * a * s) / h);
}

/** Memory of a training step. A lower bound on process memory unless the engine passes its measured factors. */
export function estimateMemory(input: Sizes, options: MemoryOptions = {}): MemoryEstimate {
  mustBe('estimateMemory', 'input', input, 'object');
  mustBe('estimateMemory', 'options', options, 'object');
  const { model, training, hardware } = input;
  const { activationBytes: e = 4, activationFactor = 1, stateFactor = 1, baseBytes: base = 0, limitBytes = Infinity } = options;
  const unit = paramCountExact(model) * hardware.bytes_per_param;
  const ema = training.ema_decay > 0 ? unit : 0;
  const needed = ema > 0 ? 5 : 4;
  const state = stateFactor * unit * Math.max(hardware.memory_multiplier, needed);
  const layer = layerBytes(model, e);
  const { max_seq_len: s, d_model: h, n_layers: l, vocab_size: V } = model;
  const rowActivations = activationFactor * (training.use_gradient_checkpointing ? e * s * h * l + layer : l * layer);
  const rowLogits = activationFactor * 3 * 4 * s * V;
  const activations = training.batch_size * rowActivations;
  const logits = training.batch_size * rowLogits;
  return {
    weights: unit,
    gradients: unit,
    moments: 2 * unit,
    ema,
    state,
    activations,
    logits,
    base,
    needed,
    total: state + activations + logits + base,
    usable: Math.min(hardware.max_vram_gb * 1e9, limitBytes) * (1 - hardware.memory_safety_margin),
    perRow: rowActivations + rowLogits,
  };
}

/** The largest batch that fits, and the same rows per step cut into pieces that do. `batch_size` 0: none fits. */
export function fitBatch(
  config: Sizes & { training: Pick<TrainingConfig, 'gradient_accumulation_steps'> },
  options: MemoryOptions = {},
): { largest: number; batch_size: number; gradient_accumulation_steps: number; fits: boolean; estimate: MemoryEstimate } {
  mustBe('fitBatch', 'config', config, 'object');
  mustBe('fitBatch', 'options', options, 'object');
  const estimate = estimateMemory(config, options);
  const largest = Math.max(0, Math.floor((estimate.usable - estimate.state - estimate.base) / estimate.perRow));
  const rows = config.training.batch_size * config.training.gradient_accumulation_steps;
  let batch_size = Math.min(largest, rows);
  while (batch_size > 0 && rows % batch_size !== 0) batch_size -= 1;
  return {
    largest,
    batch_size,
    gradient_accumulation_steps: batch_size === 0 ? 0 : rows / batch_size,
    fits: estimate.total <= estimate.usable,
    estimate,
  };
}
