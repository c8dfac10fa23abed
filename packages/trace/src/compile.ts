import { tf } from './tf.js';
import { TraceError } from './error.js';
import type { SizeRange } from './graph/fit.js';
import type { Dtype, Graph, TypedArray } from './graph/graph.js';
import { optimizerState, uncounted } from './optimizer.js';
import { optimize } from './passes/optimize.js';
import { openRate } from './rate.js';
import type { InputSpec } from './record/specs.js';
import { trace } from './trace.js';

/** Compiles models of TensorFlow.js whose functions are not at hand: the layers API and converted graphs. */

/** The name of a loss of the layers API, or a function (target, prediction) → loss of each example. */
export type Loss = string | ((target: tf.Tensor, prediction: tf.Tensor) => tf.Tensor);

export interface CompileOptions {
  /** With a loss: compile a step of training instead of a prediction. The name of an optimiser of the layers API, or one. */
  optimizer?: string | tf.Optimizer;
  /** One for all outputs, or one for each by its name. */
  loss?: Loss | Record<string, Loss>;
  /** Shapes of inputs by name, where those of the model are not meant: `{ tokens: ['batch', 40] }` gives an open length a size. */
  shapes?: Record<string, readonly (number | string)[]>;
  /** The learning rate is an input of the step, `learningRate`, instead of the number that the optimiser has. */
  learningRate?: 'input';
  /** As for `trace`: the sizes that `batch` and other open sizes may have. */
  sizes?: Record<string, SizeRange>;
}

export interface CompiledModel {
  /** The prediction, with the weights as variables; or one step of training, whose updates are the next weights and moments. */
  graph: Graph;
  /** Present values of `graph.variables` by name: initialisers of a prediction, first inputs of a training step. */
  state: Record<string, TypedArray>;
}

/**
 * Compiles a model that was made with the layers API or loaded.
 * - A prediction has the model's inputs and outputs by their names. `toOnnx(graph, { initializers: state })` is a model with weights.
 * - A step of training (`optimizer` and `loss`) has the model's inputs, `target` (or `target_<output>` for each of several outputs) and all
 *   weights and moments as inputs; its outputs are `loss` and the next value of each, `updateName(name)`. It equals `trainOnBatch`.
 *
 * The first axis is called `batch` and is open; an open axis k of input x is called `x_k`.
 * The model is compiled with the optimiser and loss; its weights and moments keep their values.
 * @throws TraceError for what `trace` refuses, such as dropout in a training step, and for a model of another kind
 */
export function compile(model: tf.LayersModel | tf.GraphModel, options: CompileOptions = {}): CompiledModel {
  const { optimizer, loss, learningRate } = options;
  if (learningRate !== undefined && (learningRate !== 'input' || loss === undefined))
    throw new TraceError(
      `compile: learningRate: expected 'input' and an optimizer and a loss, got ${JSON.stringify(learningRate)}${loss === undefined ? ' without a loss' : ''}; give a number to the optimizer`,
    );
  if ((optimizer === undefined) !== (loss === undefined))
    throw new TraceError('compile: a step of training needs both an optimizer and a loss; give both, or none for a prediction');
  if (model instanceof tf.GraphModel) {
    if (loss !== undefined)
      throw new TraceError('compile: a converted graph has no trainable weights; train the model that it was converted from');
    return compileGraphModel(model, options);
  }
  if (!((model as unknown) instanceof tf.LayersModel))
    throw new TraceError(
      'compile: expected a tf.LayersModel or a tf.GraphModel; if it is one, another copy of @tensorflow/tfjs made it: install one copy',
    );
  return loss === undefined ? compilePrediction(model, options) : compileStep(model, options);
}

type Named = Record<string, tf.Tensor>;
type Shape = readonly (number | null)[];

/** A shape of a model with names for its open sizes. */
const open = (name: string, shape: Shape): (number | string)[] =>
  shape.map((dim, axis) => (dim === null || dim < 0 ? (axis === 0 ? 'batch' : `${name}_${axis}`) : dim));

function specsOf(
  inputs: readonly { name: string; shape: Shape; dtype: string }[],
  { shapes = {} }: CompileOptions,
): Record<string, InputSpec> {
  return Object.fromEntries(
    inputs.map(({ name, shape, dtype }) => [name, { shape: shapes[name] ?? open(name, shape), dtype: dtype as Dtype }]),
  );
}

const list = (result: tf.Tensor | tf.Tensor[]): tf.Tensor[] => (Array.isArray(result) ? result : [result]);
const byName = (names: readonly string[], result: tf.Tensor | tf.Tensor[]): Named =>
  Object.fromEntries(list(result).map((tensor, i) => [names[i]!, tensor]));

function traced(
  fn: (inputs: Named) => Named,
  inputs: Record<string, InputSpec>,
  variables: Record<string, tf.Variable>,
  { sizes = {}, shapes = {} }: CompileOptions,
  recorded: (record: () => Graph) => Graph = (record) => record(),
): CompiledModel {
  const other = Object.keys(shapes).find((name) => !(name in inputs));
  if (other !== undefined)
    throw new TraceError(`compile: a shape is given for '${other}', which is no input; expected ${Object.keys(inputs).join(', ')}`);
  const graph = optimize(recorded(() => trace(fn, { inputs, variables, sizes })));
  const state = Object.fromEntries(Object.entries(variables).map(([name, variable]) => [name, variable.dataSync() as TypedArray]));
  return { graph, state };
}

/** What the layers API knows of a model beside what its types say. */
interface Layers {
  inputNames: string[];
  outputNames: string[];
  inputs: { shape: Shape; dtype: string }[];
  outputs: { shape: Shape }[];
  weights: readonly { name: string; val: tf.Variable }[];
  collectedTrainableWeights: readonly { val: tf.Variable }[];
  optimizer: tf.Optimizer;
  loss: Loss | Loss[] | Record<string, Loss>;
  apply(inputs: tf.Tensor[], call: { training: boolean }): tf.Tensor | tf.Tensor[];
  makeTrainFunction(): (data: tf.Tensor[]) => tf.Tensor[];
}

/** The layers of a model; a `tf.Sequential` holds them in a model of its own. */
function layersOf(model: tf.LayersModel): Layers {
  const sequence = model as tf.LayersModel & { model?: tf.LayersModel };
  // A second build would drop what the first one was compiled with.
  if (model instanceof tf.Sequential && model.inputs.length > 0 && !sequence.model) model.build();
  const layers = (sequence.model ?? model) as unknown as Partial<Layers>;
  if (!layers.inputs?.length) throw new TraceError('compile: the model has no input shape; give its first layer an inputShape');
  return layers as Layers;
}

/** The names by which `shapes` knows the inputs of a model. */
export const inputNames = (model: tf.LayersModel | tf.GraphModel): string[] =>
  model instanceof tf.GraphModel ? model.inputs.map(({ name }) => name) : layersOf(model).inputNames;

const inputsOf = (layers: Layers, options: CompileOptions): Record<string, InputSpec> =>
  specsOf(
    layers.inputs.map(({ shape, dtype }, i) => ({ name: layers.inputNames[i]!, shape, dtype })),
    options,
  );

const weightsOf = ({ weights }: Layers): Record<string, tf.Variable> => Object.fromEntries(weights.map(({ name, val }) => [name, val]));

function compilePrediction(model: tf.LayersModel, options: CompileOptions): CompiledModel {
  const layers = layersOf(model);
  const predict = (inputs: Named): Named =>
    byName(layers.outputNames, layers.apply(layers.inputNames.map((name) => inputs[name]!), { training: false })); // prettier-ignore
  return traced(predict, inputsOf(layers, options), weightsOf(layers), options);
}

function compileStep(model: tf.LayersModel, options: CompileOptions): CompiledModel {
  model.compile({ optimizer: options.optimizer!, loss: options.loss as string });
  const layers = layersOf(model);
  const moments = optimizerState(
    layers.optimizer,
    layers.collectedTrainableWeights.map(({ val }) => val),
  );
  const targets = targetsOf(layers, options);
  const train = layers.makeTrainFunction();
  const step = (inputs: Named): Named => {
    const data = [...layers.inputNames, ...Object.keys(targets)].map((name) => inputs[name]!);
    return { loss: train(data)[0]! };
  };
  return uncounted(layers.optimizer, () =>
    traced(
      step,
      { ...inputsOf(layers, options), ...targets },
      { ...weightsOf(layers), ...moments },
      options,
      options.learningRate && ((record) => openRate(layers.optimizer, record)),
    ),
  );
}

/** The targets have the shapes of the outputs; those of classes by number have one number instead of a probability for each class. */
function targetsOf({ outputs, outputNames }: Layers, { loss, shapes = {} }: CompileOptions): Record<string, InputSpec> {
  return Object.fromEntries(
    outputs.map(({ shape }, i) => {
      const own = typeof loss === 'object' ? loss[outputNames[i]!] : loss;
      const name = outputs.length === 1 ? 'target' : `target_${outputNames[i]!}`;
      const full = own === 'sparseCategoricalCrossentropy' ? [...shape.slice(0, -1), 1] : shape;
      return [name, { shape: shapes[name] ?? open(name, full), dtype: 'float32' }];
    }),
  );
}

function compileGraphModel(model: tf.GraphModel, options: CompileOptions): CompiledModel {
  const inputs = model.inputs.map(({ name, shape, dtype }) => {
    if (!shape && !options.shapes?.[name])
      throw new TraceError(`compile: input '${name}' of the graph has no shape; give it in \`shapes\``);
    return { name, shape: shape ?? [], dtype };
  });
  const names = model.outputs.map(({ name }) => name);
  return traced((feeds) => byName(names, model.execute(feeds, names)), specsOf(inputs, options), {}, options);
}
