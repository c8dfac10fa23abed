import { describe, expect, it } from 'vitest';
import { fromCpuinfo, fromSysctl, processor } from './processor.js';

describe('processor', () => {
  it('reads the instructions of x64 on Linux', () => {
    const { sets, bf16, flags } = fromCpuinfo(
      'processor\t: 0\nflags\t\t: fpu vme sse4_2 avx avx2 fma constant_tsc avx512f avx512_bf16 amx_tile amx_bf16\nbugs\t\t: spectre_v1\n',
    );
    expect(sets).toEqual(['AVX', 'AVX2', 'FMA', 'AVX-512', 'AVX512-BF16', 'AMX-BF16']);
    expect(bf16).toBe(true);
    expect(flags).not.toContain('constant_tsc');
    expect(fromCpuinfo('flags : sse2 avx avx2 fma avx512f')).toMatchObject({ bf16: false, sets: ['AVX', 'AVX2', 'FMA', 'AVX-512'] });
  });

  it('reads the instructions of Arm on Linux', () => {
    expect(fromCpuinfo('processor\t: 0\nFeatures\t: fp asimd crc32 sve i8mm bf16\n')).toMatchObject({
      sets: ['NEON', 'SVE', 'BF16'],
      bf16: true,
    });
  });

  it('reads the instructions of Apple and of Intel on macOS', () => {
    expect(fromSysctl('hw.optional.AdvSIMD: 1\nhw.optional.arm.FEAT_BF16: 1\nhw.optional.arm.FEAT_SME: 0\n')).toMatchObject({
      sets: ['NEON', 'BF16'],
      bf16: true,
    });
    expect(fromSysctl('machdep.cpu.features: FPU SSE4.2 AVX1.0 FMA\nmachdep.cpu.leaf7_features: AVX2 BMI2\n')).toMatchObject({
      sets: ['AVX', 'AVX2', 'FMA'],
      bf16: false,
    });
  });

  it('describes this machine', () => {
    const { name, threads } = processor();
    expect(name).not.toBe('');
    expect(threads).toBeGreaterThan(0);
  });
});
