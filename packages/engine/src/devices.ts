// The engines, and the devices that each can compute on.

export type EngineName = 'onnxruntime' | 'tfjs_node' | 'tfjs';
export type Device = 'cpu' | 'cuda' | 'webgpu';

/**
 * Every device that an engine can compute on, whatever this machine has. ONNX Runtime as npm has it comes without CUDA. A configuration may
 * still ask for it (docs/configuration-specification.md, `engine`); then selecting fails and says so.
 */
export const engineDevices = {
  onnxruntime: ['cpu', 'webgpu'],
  tfjs_node: ['cpu', 'cuda'],
  tfjs: ['cpu'],
} as const satisfies Readonly<Record<EngineName, readonly Device[]>>;

/** An engine on one of its devices. */
export type Place = { [E in EngineName]: { engine: E; device: (typeof engineDevices)[E][number] } }[EngineName];

/** All of them, in the order in which mdiff lists them. */
export const places: readonly Place[] = (Object.keys(engineDevices) as EngineName[]).flatMap((engine) =>
  engineDevices[engine].map((device) => ({ engine, device }) as Place),
);

/** The operands of matrix products. Everything else is float32: weights, moments, sums and the steps between products. */
export type Precision = 'float32' | 'bfloat16';

/** Variants of native TensorFlow's kernels for matrix products, by the instructions that multiply (tensorflow/variants.ts). */
export type VariantName = 'amx' | 'avx512_bf16' | 'avx512' | 'avx2';

/** What multiplies matrices in native TensorFlow on a processor: mdiff's kernels, or TensorFlow itself. */
export type Products = VariantName | 'tensorflow';

/** Everything that decides how a run is computed. */
export interface EngineSetting {
  engine: EngineName;
  device: Device;
  threads: number;
  precision: Precision;
  /** only where `tfjs_node` has kernels for products */
  products?: Products;
}
