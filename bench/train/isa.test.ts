import { describe, expect, it } from 'vitest';
import { productsFor, productVariants } from '../../packages/engine/src/tensorflow/variants.js';
import { isaEnvironment, isas } from './isa.js';

describe('engines that are held to instructions', () => {
  it('get nothing where the whole processor may be used', () => {
    expect(isaEnvironment(undefined, true, {})).toEqual({});
  });

  it('are told on both sides, and ours which kernels it may take', () => {
    expect(isaEnvironment('avx512_bf16', false, {})).toMatchObject({
      ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_BF16',
      MKL_ENABLE_INSTRUCTIONS: 'AVX512',
    });
    expect(isaEnvironment('avx512_bf16', false, {})).not.toHaveProperty('MDIFF_KERNELS');
    expect(isaEnvironment('avx2', true, {})).toMatchObject({
      ONEDNN_MAX_CPU_ISA: 'AVX2',
      ATEN_CPU_CAPABILITY: 'avx2',
      MDIFF_KERNELS: 'avx2',
    });
  });

  it('never multiply by AMX, whatever the processor has', () => {
    const all = productVariants.map(({ name }) => name);
    const products = (isa: (typeof isas)[number]) =>
      (['bfloat16', 'float32'] as const).map((precision) => productsFor(all, precision, isaEnvironment(isa, true, {}))[0]);
    expect(isas.map(products)).toEqual([
      ['avx512_bf16', 'avx512'],
      ['tensorflow', 'avx2'],
    ]);
  });

  it('keep what the user has set', () => {
    expect(isaEnvironment('avx2', true, { MDIFF_KERNELS: '', XLA_FLAGS: '' })).not.toHaveProperty('MDIFF_KERNELS');
  });
});
