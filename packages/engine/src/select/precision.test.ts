import { ProjectConfig } from '@mdiff/config';
import { describe, expect, it } from 'vitest';
import type { EngineSelection } from './select.js';
import { precisionOf } from './precision.js';

const asked = ProjectConfig.preset('fast_debug').with({ training: { use_mixed_precision: true } });
const on = (engine: EngineSelection['engine'], device: EngineSelection['device'], bf16: boolean, config = asked): [string, string[]] => {
  const { precision, notices } = precisionOf(config, { engine, device }, bf16);
  return [precision, notices.map(({ code, path, message }) => `${code} ${path}: ${message}`)];
};

describe('precisionOf', () => {
  it('is bfloat16 where the engine and the processor, or the GPU, have it', () => {
    expect(on('tfjs_node', 'cpu', true)).toEqual(['bfloat16', []]);
    expect(on('tfjs_node', 'cuda', false)).toEqual(['bfloat16', []]);
  });

  it('is float32 elsewhere, with one notice that cites the key', () => {
    expect(on('onnxruntime', 'cpu', true)).toEqual([
      'float32',
      ['N1 training.use_mixed_precision: engine "onnxruntime" computes in float32; mixed precision is not applied'],
    ]);
    expect(on('tfjs', 'cpu', true)[0]).toBe('float32');
    expect(on('tfjs_node', 'cpu', false)).toEqual([
      'float32',
      [expect.stringContaining('engine "tfjs_node" computes in float32 on this processor; mixed precision is not applied')],
    ]);
  });

  it('is float32 without a notice if mixed precision is off', () => {
    const plain = asked.with({ training: { use_mixed_precision: false } });
    expect(on('tfjs_node', 'cpu', true, plain)).toEqual(['float32', []]);
    expect(on('onnxruntime', 'cpu', true, plain)).toEqual(['float32', []]);
  });
});
