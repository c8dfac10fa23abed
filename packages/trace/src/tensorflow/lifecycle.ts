import type { TfNode, TfSignature, TfValue } from './encode.js';
import type { ModelWriter } from './signature.js';

/** The signatures `init`, which sets every variable, and `read`, which returns every variable. */
export function writeLifecycle({ variables, handles, nodes, names }: ModelWriter): Record<'init' | 'read', TfSignature> {
  const fed: Record<string, TfValue> = {};
  const returned: Record<string, TfValue> = {};
  const assignments: string[] = [];
  const add = (name: string, op: string, inputs: string[], attrs: TfNode['attrs']): string => {
    const node = names(name);
    nodes.push({ name: node, op, inputs, attrs });
    return node;
  };
  for (const [name, { shape, dtype: type }] of Object.entries(variables)) {
    const placeholder = add(`init/${name}`, 'Placeholder', [], { dtype: { type }, shape: { shape } });
    // TensorFlow may use the caller's own array as the fed tensor, and updates in place must not write to it.
    const copy = add(`init/${name}/copy`, 'DeepCopy', [placeholder], { T: { type } });
    assignments.push(`^${add(`init/${name}/assign`, 'AssignVariableOp', [handles[name]!, copy], { dtype: { type } })}`);
    fed[name] = { tensor: `${placeholder}:0`, type, shape };
    returned[name] = { tensor: `${add(`read/${name}`, 'ReadVariableOp', [handles[name]!], { dtype: { type } })}:0`, type, shape };
  }
  const one = add('init/one', 'Const', [], { dtype: { type: 'float32' }, value: { tensor: { type: 'float32', dims: [], data: 1 } } });
  const done = add('init/done', 'Identity', [one, ...assignments], { T: { type: 'float32' } });
  return {
    init: { inputs: fed, outputs: { done: { tensor: `${done}:0`, type: 'float32', shape: [] } } },
    read: { inputs: {}, outputs: returned },
  };
}
