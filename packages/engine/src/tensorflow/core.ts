import { tf } from '@mdiff/model';
import { initParams, layout as layoutOf } from '@mdiff/model';
import type { ParamLayout } from '@mdiff/model';
import { ofPart, replicate } from '@mdiff/trace';
import { MdiffError } from '@mdiff/folder';
import { checkGradient, checkState, inSequence } from '../engine.js';
import type { Core, StepBatch, StepResult, Update, WorkerOptions } from '../engine.js';
import { inOrder, partsFor, splitBatch } from '../parts.js';
import { timed } from '../passes/phases.js';
import { adamwFeeds, partFeeds, scalar, trainFeeds } from './feeds.js';
import { openKernels } from './fused.js';
import { loadTensorFlow, usesGpu } from './load.js';
import type { TfjsNode } from './load.js';
import { residentState } from './resident.js';
import type { Resident } from './resident.js';
import { loadSavedModel } from './savedmodel.js';
import { stepGraphs, stepModel } from './signatures.js';
import type { StepGraphs } from './signatures.js';
import { variantNamed } from './variants.js';

// Native TensorFlow runs the traced step as one SavedModel. Weights, moments, average and gradient are its resource variables and stay there
// between steps.

/** Loads the library, and checks that it computes where the options say. */
function openLibrary({ tensorflow, device }: WorkerOptions): TfjsNode {
  if (!tensorflow)
    throw new MdiffError(
      'MDIFF_TENSORFLOW',
      'engine "tfjs_node": native TensorFlow is not installed; run "mdiff engine install tensorflow"',
      2,
    );
  const native = timed('library', () => loadTensorFlow(tensorflow));
  if (device === 'cuda' && !usesGpu(native)) {
    throw new MdiffError(
      'MDIFF_TENSORFLOW',
      `device "cuda": the library in ${tensorflow.folder} finds no GPU; see "mdiff engine doctor", or set device to "auto" or "cpu"`,
      2,
    );
  }
  return native;
}

export async function tensorflowCore(options: WorkerOptions): Promise<Core> {
  const layout = layoutOf(options.model);
  const native = openLibrary(options);
  await tf.setBackend('cpu');
  const parts = options.device === 'cuda' ? 1 : partsFor(options.threads);
  const opened =
    options.kernels === false || options.device === 'cuda' ? undefined : openKernels(options.tensorflow!, options.threads / parts);
  const precision = options.mixedPrecision === true ? 'bfloat16' : 'float32';
  const kernels = opened && { products: variantNamed(opened.variants, options.products, precision) };
  const graphs = stepGraphs(options, layout, { parts, kernels });
  const resident = residentState(layout, initParams(options.model, options.seed), (setting) => {
    const { bytes, names } = stepModel(graphs, setting);
    return loadSavedModel(native, bytes, names);
  });
  return {
    layout,
    ...updates(options, graphs, resident),
    gradient: () => resident.gradient(),
    take: async () => {
      const taken = await resident.gradient();
      resident.accumulated = 0;
      return taken;
    },
    evaluate: evaluation(graphs, resident),
    read: () => resident.read(),
    load: async (state) => {
      checkState(state, layout);
      resident.replace(state);
    },
    resetMoments: () => resident.resetMoments(),
  };
}

const normOf = ({ grad_norm }: Record<string, Float32Array>): Omit<StepResult, 'loss'> => {
  const gradNorm = grad_norm![0]!;
  return { gradNorm, finite: Number.isFinite(gradNorm) };
};

/** The calls that run a training signature. */
function updates({ model: config }: WorkerOptions, graphs: StepGraphs, resident: Resident): Pick<Core, 'grads' | 'apply' | 'step'> {
  const { layout, train, parts } = graphs;
  const feedsOf = (batch: StepBatch) => trainFeeds(batch, { config, parts, graph: train });
  const signature = (name: 'step' | 'grads', { dropout }: StepBatch): string => (dropout && graphs.dropout ? `${name}.dropout` : name);

  const grads = async (batch: StepBatch, update?: Update): Promise<{ loss: number }> => {
    const model = await resident.model(update);
    const { loss } = model.run(signature('grads', batch), { ...feedsOf(batch), first: scalar(resident.accumulated === 0 ? 1 : 0) });
    resident.accumulated++;
    return { loss: loss![0]! };
  };
  const apply = async (update: Update, given?: Float32Array): Promise<Omit<StepResult, 'loss'>> => {
    if (given) checkGradient(given, layout);
    const model = await resident.model(update);
    const outputs = given
      ? model.run('apply.given', { ...adamwFeeds(update), given: flatFeed(given, layout) })
      : model.run('apply', adamwFeeds(update));
    resident.accumulated = 0;
    return normOf(outputs);
  };
  /** Gradient and update in one signature. */
  const fusedStep = async (batch: StepBatch, update: Update): Promise<StepResult> => {
    const outputs = (await resident.model(update)).run(signature('step', batch), { ...feedsOf(batch), ...adamwFeeds(update) });
    const [loss, { gradNorm, finite }] = [outputs.loss![0]!, normOf(outputs)];
    return { loss, gradNorm, finite: finite && Number.isFinite(loss) };
  };
  return {
    grads: (batch) => grads(batch),
    apply,
    step: ({ batches, update }) =>
      batches.length === 1 && resident.accumulated === 0
        ? fusedStep(batches[0]!, update)
        : inSequence(batches, {
            grads: (batch) => grads(batch, update),
            forget: () => (resident.accumulated = 0),
            apply: () => apply(update),
          }),
  };
}

const flatFeed = (data: Float32Array, { total }: ParamLayout) => ({ type: 'float32' as const, data, shape: [total] });

function evaluation({ evaluation: graph, parts }: StepGraphs, resident: Resident): Core['evaluate'] {
  const inputs = replicate(graph, parts);
  return async (batch) => {
    const split = splitBatch(batch, parts);
    const outputs = (await resident.model()).run('eval', partFeeds(split, inputs));
    return inOrder(
      split,
      split.map((_, part) => outputs[ofPart('ce', part)]!),
    );
  };
}
