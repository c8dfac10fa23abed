import type * as nodeModule from 'node:module';
import type * as tfjs from '@tensorflow/tfjs';
import { absentPeer } from './error.js';

// Node reads a CommonJS package three times faster through `require` than through `import`, which first searches its text for the names that it
// exports: half a second for TensorFlow.js, in every process and worker that computes. Elsewhere (a browser, Node before 20.16) it is imported.
const modules = (globalThis.process as { getBuiltinModule?: (id: 'node:module') => typeof nodeModule } | undefined)?.getBuiltinModule?.(
  'node:module',
);

const PEER = '@tensorflow/tfjs';

async function load(): Promise<typeof tfjs> {
  try {
    return (modules ? modules.createRequire(import.meta.url)(PEER) : await import('@tensorflow/tfjs')) as typeof tfjs;
  } catch (error) {
    throw absentPeer(error, PEER);
  }
}

/** TensorFlow.js: the namespace that `import * as tf from '@tensorflow/tfjs'` gives, the same instance. */
const tf = await load();

/** Its types, as far as this package names them. */
// eslint-disable-next-line @typescript-eslint/no-namespace -- a value and types under one name, as in a namespace import
declare namespace tf {
  export type BackendValues = tfjs.BackendValues;
  export type DataId = tfjs.DataId;
  export type DataType = tfjs.DataType;
  export type GraphModel = tfjs.GraphModel;
  export type GradSaveFunc = tfjs.GradSaveFunc;
  export type KernelBackend = tfjs.KernelBackend;
  export type LayersModel = tfjs.LayersModel;
  export type MemoryInfo = tfjs.MemoryInfo;
  export type NamedAttrMap = tfjs.NamedAttrMap;
  export type NamedTensorInfoMap = tfjs.NamedTensorInfoMap;
  export type NamedTensorMap = tfjs.NamedTensorMap;
  export type Optimizer = tfjs.Optimizer;
  export type Scalar = tfjs.Scalar;
  export type Tensor<R extends tfjs.Rank = tfjs.Rank> = tfjs.Tensor<R>;
  export type Tensor1D = tfjs.Tensor1D;
  export type Tensor2D = tfjs.Tensor2D;
  export type Tensor3D = tfjs.Tensor3D;
  export type Tensor4D = tfjs.Tensor4D;
  export type Tensor5D = tfjs.Tensor5D;
  export type TensorContainer = tfjs.TensorContainer;
  export type TensorInfo = tfjs.TensorInfo;
  export type Variable<R extends tfjs.Rank = tfjs.Rank> = tfjs.Variable<R>;
}

export { tf };
