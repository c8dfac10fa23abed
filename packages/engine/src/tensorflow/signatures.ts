import type { ParamLayout } from '@mdiff/model';
import { replicate, toSavedModel } from '@mdiff/trace';
import type { Graph, SavedModelSignature } from '@mdiff/trace';
import type { WorkerOptions } from '../engine.js';
import { flatGradients, gradientsOf, openGraph } from '../passes/graphs.js';
import { timed } from '../passes/phases.js';
import { adamw } from './adamw.js';
import { fusedOps, runtimeOps } from './fused.js';
import { gradientGraph, onVariables, variableOf, variablesFor } from './variables.js';
import type { ProductVariant } from './variants.js';

// The SavedModel of a training step and its signatures. Rows, positions and loss positions are open sizes, so that one graph serves every batch.

/** The constants of the SavedModel: AdamW's decay rates, and the presence of averaged weights. */
export interface ModelSetting {
  beta1: number;
  beta2: number;
  average: boolean;
}

export interface StepGraphs {
  layout: ParamLayout;
  /** the training pass in parts, without and with dropout */
  train: Graph;
  dropout: Graph | undefined;
  /** the evaluation pass, not yet in parts and with its parameters as inputs */
  evaluation: Graph;
  parts: number;
  /** mdiff's kernels are registered; `products`: the variant of those that contain matrix products, if there is one */
  kernels: { products: ProductVariant | undefined } | undefined;
  bfloat16: boolean;
}

/** Traces the passes. */
export function stepGraphs(
  options: WorkerOptions,
  layout: ParamLayout,
  { parts, kernels }: Pick<StepGraphs, 'parts' | 'kernels'>,
): StepGraphs {
  const { dropout, attention_dropout } = options.model;
  const bfloat16 = options.mixedPrecision === true;
  const step = { ...options, ...(kernels && { ops: fusedOps(kernels.products) }) };
  const training = (masks: boolean): Graph => replicate(onVariables(openGraph('train', step, layout, masks), layout), parts);
  return {
    layout,
    train: training(false),
    dropout: dropout > 0 || attention_dropout > 0 ? training(true) : undefined,
    evaluation: openGraph('eval', options, layout, false),
    parts,
    kernels,
    bfloat16,
  };
}

/** The evaluation pass in parts, on the averaged weights if there are any. */
const evaluationGraph = ({ evaluation, layout, parts }: StepGraphs, average: boolean): Graph =>
  replicate(onVariables(evaluation, layout, average ? 'ema' : 'params'), parts);

/** Writes the SavedModel; `names` are its signatures. */
export function stepModel(graphs: StepGraphs, { beta1, beta2, average }: ModelSetting): { bytes: Uint8Array; names: string[] } {
  const { layout, train, dropout, kernels, bfloat16 } = graphs;
  const update = adamw({
    ...(kernels && { op: 'MdiffAdamw' }),
    beta1,
    beta2,
    slots: layout.params.map(({ name, decay }) => ({
      variable: name,
      m: variableOf('m', name),
      v: variableOf('v', name),
      gradient: `grad.${name}`,
      decay,
      ...(average && { ema: variableOf('ema', name) }),
    })),
  });
  const signatures: Record<string, SavedModelSignature> = {
    step: { graph: train, update, bfloat16 },
    grads: { graph: flatGradients(train, layout), bfloat16 },
    ...(dropout && {
      'step.dropout': { graph: dropout, update, bfloat16 },
      'grads.dropout': { graph: flatGradients(dropout, layout), bfloat16 },
    }),
    apply: { graph: gradientsOf(layout, 'gradient'), update },
    'apply.given': { graph: gradientsOf(layout, 'given'), update },
    gradient: { graph: gradientGraph(layout) },
    eval: { graph: evaluationGraph(graphs, average) },
  };
  const ops = kernels ? runtimeOps(kernels.products) : {};
  const bytes = timed('lower', () => toSavedModel({ variables: variablesFor(layout, average), signatures, ops }));
  return { bytes, names: [...Object.keys(signatures), 'init', 'read'] };
}
