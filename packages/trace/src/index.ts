export { TraceError } from './error.js';
export { interpret } from './evaluate.js';
export type { Dim, Extent } from './extent.js';
export type { Attr, Attrs, Dtype, Graph, GraphNode, Info, TypedArray } from './graph.js';
export { KERNEL_INPUTS } from './kernels.js';
export { ONNX, toOnnx, updateName, type OnnxOptions } from './onnx.js';
export { optimize } from './optimize.js';
export { trace, type InputSpec, type TraceOptions } from './trace.js';
