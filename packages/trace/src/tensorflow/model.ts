import { mustBe } from '@mdiff/arguments';
import { TraceError } from '../error.js';
import { createNames, type RuntimeOps } from './emitter.js';
import { encodeSavedModel, type TfNode, type TfSignature } from './encode.js';
import { writeLifecycle } from './lifecycle.js';
import { writeSignature, type ModelWriter, type SavedModelSignature, type VariableSpec } from './signature.js';

export interface SavedModelOptions {
  /** Resource variables by name; all signatures share them. */
  variables: Record<string, VariableSpec>;
  /** `graph.variables` are reads of these variables; `graph.updates` assign them before the outputs are returned. */
  signatures: Record<string, SavedModelSignature>;
  /** Round the operands and results of matrix products to bfloat16, unless a signature says otherwise. Everything else is float32. */
  bfloat16?: boolean;
  /** Operations of a library that is loaded before the model is. */
  ops?: RuntimeOps;
}

const RESERVED = ['init', 'read'];

/**
 * Lowers graphs to the bytes of `saved_model.pb`, the only file of a SavedModel without weights (tag `serve`).
 * It adds two signatures. `init` sets every variable (inputs by variable name, output `done`) and has to run first;
 * `read` returns every variable by name. A signature that would return nothing returns `done`.
 * @throws TraceError for variables that do not fit, clashing names, and constants too large for protobuf
 */
export function toSavedModel(options: SavedModelOptions): Uint8Array {
  mustBe('toSavedModel', 'options', options, 'object');
  const { variables, signatures, bfloat16 = false, ops = {} } = options;
  const nodes: TfNode[] = [];
  const names = createNames();
  const handles: Record<string, string> = {};
  for (const [name, { shape, dtype }] of Object.entries(variables)) {
    handles[name] = names(`variable/${name}`);
    nodes.push({
      name: handles[name],
      op: 'VarHandleOp',
      inputs: [],
      attrs: { dtype: { type: dtype }, shape: { shape }, shared_name: { string: name } },
    });
  }
  const model: ModelWriter = { variables, handles, nodes, names, bfloat16, ops };
  const written: Record<string, TfSignature> = {};
  for (const [key, signature] of Object.entries(signatures)) {
    if (key === '' || key.startsWith('_') || RESERVED.includes(key))
      throw new TraceError(
        `toSavedModel: signature '${key}': expected a name other than ${RESERVED.join(' and ')} that does not start with '_'; rename it`,
      );
    written[key] = writeSignature(key, signature, { ...model, bfloat16: signature.bfloat16 ?? bfloat16 });
  }
  return encodeSavedModel(nodes, { ...written, ...writeLifecycle(model) });
}
