import { tf } from '@mdiff/model';
import { fast } from '@mdiff/model';
import { foreign, optimize, toOnnx, trace } from '@mdiff/trace';
import type { InputSpec } from '@mdiff/trace';
import { MdiffError } from '@mdiff/folder';
import type { NamedTensor } from '@mdiff/folder';

// A sentence encoder: BERT (arXiv 1810.04805) with mean pooling, as sentence-transformers has it, from Hugging Face weights to ONNX.
//
//   B sentences   S positions   D hidden_size   H heads   K head width

/** The part of a Hugging Face `config.json` that mdiff reads. */
export interface EncoderConfig {
  hidden_size: number;
  num_attention_heads: number;
  num_hidden_layers: number;
  max_position_embeddings: number;
  layer_norm_eps: number;
}

type Named = Record<string, tf.Tensor>;

/** input_ids, attention_mask [B, S] and the weights → embedding [B, D] of unit length. */
function forward({ hidden_size: D, num_attention_heads: H, num_hidden_layers, layer_norm_eps: eps }: EncoderConfig) {
  const K = D / H;
  return (inputs: Named): Named =>
    tf.tidy(() => {
      const weight = (name: string): tf.Tensor => inputs[name]!;
      const ids = inputs['input_ids']!;
      const [B, S] = ids.shape as [number, number];
      // As operators of ONNX: the runtime makes one pass of each, where products and sums of the traced formulas are ten. A ninth of the encoder's time.
      const gelu = (x: tf.Tensor): tf.Tensor => foreign('Gelu', [x], [x.shape])[0]!;
      const norm = (x: tf.Tensor, name: string): tf.Tensor =>
        foreign('LayerNormalization', [x, weight(`${name}.weight`), weight(`${name}.bias`)], [x.shape], { epsilon: eps })[0]!;
      const linear = (x: tf.Tensor, name: string): tf.Tensor =>
        tf.matMul(x, weight(`${name}.weight`), false, true).add(weight(`${name}.bias`));
      const heads = (x: tf.Tensor): tf.Tensor => x.reshape([B, S, H, K]).transpose([0, 2, 1, 3]);

      const mask = tf.cast(inputs['attention_mask']!, 'float32');
      const bias = tf.mul(tf.sub(1, mask), -1e9).reshape([B, 1, 1, S]);
      const words = tf.gather(weight('embeddings.word_embeddings.weight'), ids.reshape([B * S]) as tf.Tensor1D).reshape([B, S, D]);
      const positions = tf.slice(weight('embeddings.position_embeddings.weight'), [0, 0], [S, D]);
      // One sentence at a time: every token is of type 0.
      const kind = tf.slice(weight('embeddings.token_type_embeddings.weight'), [0, 0], [1, D]);
      let x = norm(tf.add(words, tf.add(positions, kind)).reshape([B * S, D]), 'embeddings.LayerNorm');
      for (let layer = 0; layer < num_hidden_layers; layer++) {
        const at = `encoder.layer.${layer}`;
        const [q, k, v] = ['query', 'key', 'value'].map((part) => heads(linear(x, `${at}.attention.self.${part}`))) as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ];
        const mixed = fast
          .attend(tf.mul(q, 1 / Math.sqrt(K)), k, v, bias)
          .transpose([0, 2, 1, 3])
          .reshape([B * S, D]);
        x = norm(tf.add(x, linear(mixed, `${at}.attention.output.dense`)), `${at}.attention.output.LayerNorm`);
        const wide = gelu(linear(x, `${at}.intermediate.dense`));
        x = norm(tf.add(x, linear(wide, `${at}.output.dense`)), `${at}.output.LayerNorm`);
      }
      // The mean over a sentence's tokens has the direction of their sum.
      const sum = tf.matMul(mask.reshape([B, 1, S]), x.reshape([B, S, D])).reshape([B, D]);
      const length = tf.sqrt(tf.sum(tf.mul(sum, sum), -1, true));
      return { embedding: tf.div(sum, tf.maximum(length, 1e-12)) };
    });
}

const names = (layers: number): string[] => {
  const both = (name: string): string[] => [`${name}.weight`, `${name}.bias`];
  const layer = (at: string): string[] =>
    [
      'attention.self.query',
      'attention.self.key',
      'attention.self.value',
      'attention.output.dense',
      'attention.output.LayerNorm',
      'intermediate.dense',
      'output.dense',
      'output.LayerNorm',
    ].flatMap((part) => both(`${at}.${part}`));
  return [
    ...['word', 'position', 'token_type'].map((kind) => `embeddings.${kind}_embeddings.weight`),
    ...both('embeddings.LayerNorm'),
    ...Array.from({ length: layers }, (_, i) => layer(`encoder.layer.${i}`)).flat(),
  ];
};

/** Names of the tensors that `encoderOnnx` reads. */
export const encoderTensors = (config: EncoderConfig): ReadonlySet<string> => new Set(names(config.num_hidden_layers));

/** The matrices of a layer's products. Embeddings are looked up, and stay in float32. */
const isFactor = (name: string): boolean => /^encoder\..*(query|key|value|dense)\.weight$/.test(name);

/**
 * An ONNX graph of the encoder: `input_ids` and `attention_mask`, int32 [batch, length] → `embedding`, float32 [batch, hidden_size], of unit length. With
 * `int8` the layers multiply whole numbers of 8 bits.
 * @throws MdiffError MDIFF_EMBEDDINGS for a missing tensor
 */
export function encoderOnnx(config: EncoderConfig, tensors: ReadonlyMap<string, NamedTensor>, { int8 = false } = {}): Uint8Array {
  const weights = names(config.num_hidden_layers).map((name) => {
    const found = tensors.get(name);
    if (!found)
      throw new MdiffError(
        'MDIFF_EMBEDDINGS',
        `model.safetensors: expected the tensor ${name} of a BERT encoder, got none; use another model folder`,
        2,
      );
    return found;
  });
  const ints: InputSpec = { shape: ['batch', 'length'], dtype: 'int32' };
  const inputs: Record<string, InputSpec> = { input_ids: ints, attention_mask: ints };
  for (const { name, shape } of weights) inputs[name] = { shape: [...shape], dtype: 'float32' };
  const graph = optimize(trace(forward(config), { inputs, limits: { length: config.max_position_embeddings } }), { reorder: true });
  return toOnnx(graph, {
    checkIds: false,
    ops: ['LayerNormalization', 'Gelu'],
    initializers: Object.fromEntries(weights.map(({ name, data }) => [name, data])),
    ...(int8 && { int8: new Set(weights.map(({ name }) => name).filter(isFactor)) }),
    name: 'encoder',
  });
}
