import { MdiffError } from '@mdiff/folder';
import type { Precision, Products, VariantName } from '../devices.js';

// Variants of the kernels that contain matrix products: the same operations for other instructions. native/kernels.cc registers those that the
// processor has; here one is chosen.

export interface ProductVariant {
  name: VariantName;
  /** of its instructions, for people */
  label: string;
  /** instruction sets that it needs, as Linux names them */
  flags: readonly string[];
  /** its operations have names that end so */
  suffix: string;
  /** of the operands of its products */
  precision: Precision;
}

/** The fastest of each precision first. */
export const productVariants: readonly ProductVariant[] = [
  { name: 'amx', flags: ['amx_bf16', 'avx512_bf16'], label: 'AMX', suffix: 'Amx', precision: 'bfloat16' },
  { name: 'avx512_bf16', flags: ['avx512_bf16'], label: 'AVX512-BF16', suffix: 'Avx512Bf16', precision: 'bfloat16' },
  { name: 'avx512', flags: ['avx512f', 'avx512bw'], label: 'AVX-512', suffix: 'Avx512', precision: 'float32' },
  { name: 'avx2', flags: ['avx2', 'fma'], label: 'AVX2', suffix: 'Avx2', precision: 'float32' },
];

/** Names the only variants that a process may take, with commas between them; empty: none. */
const VARIABLE = 'MDIFF_KERNELS';

type Environment = Readonly<Record<string, string | undefined>>;

/** The variants that the environment allows, of those that are available. @throws MdiffError MDIFF_CONFIG if it names another */
export function allowedVariants(available: readonly string[], env: Environment = process.env): readonly ProductVariant[] {
  const here = productVariants.filter(({ name }) => available.includes(name));
  const wanted = env[VARIABLE]?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (!wanted) return here;
  const absent = wanted.find((name) => here.every((variant) => variant.name !== name));
  if (absent !== undefined) {
    const known = productVariants.some(({ name }) => name === absent);
    const names = here.map(({ name }) => name).join(', ');
    throw new MdiffError(
      'MDIFF_CONFIG',
      `${VARIABLE}: expected ${names === '' ? 'nothing' : `some of ${names}`}, got "${absent}"${known ? ', which this processor or the compiled kernels lack' : ''}`,
      2,
    );
  }
  return here.filter(({ name }) => wanted.includes(name));
}

/** The variants that a processor with these instruction sets has. */
export const variantsOf = (flags: readonly string[]): VariantName[] =>
  productVariants.filter((variant) => variant.flags.every((flag) => flags.includes(flag))).map(({ name }) => name);

/** The best of some variants whose products have a precision; undefined: TensorFlow's own products. */
export const variantFor = (variants: readonly ProductVariant[], precision: Precision): ProductVariant | undefined =>
  variants.find((variant) => variant.precision === precision);

/**
 * What may multiply in a precision where kernels have some variants, in the order of preference; none: there is no choice. Both the kernels and
 * TensorFlow are tried. Only AMX won on every machine and size that was measured, so the others come second. Where the environment names a variant
 * there is no choice either.
 */
export function productsFor(available: readonly string[], precision: Precision, env: Environment = process.env): Products[] {
  if (available.length === 0) return [];
  const variant = variantFor(allowedVariants(available, env), precision)?.name;
  if (variant === undefined) return ['tensorflow'];
  if (env[VARIABLE] !== undefined) return [variant];
  return variant === 'amx' ? ['amx', 'tensorflow'] : ['tensorflow', variant];
}

/** The variant that a setting names; without one the first of `productsFor`. @throws MdiffError MDIFF_TENSORFLOW if the kernels lack it */
export function variantNamed(
  variants: readonly ProductVariant[],
  named: Products | undefined,
  precision: Precision,
  env: Environment = process.env,
): ProductVariant | undefined {
  const names = variants.map(({ name }) => name);
  const products = named ?? productsFor(names, precision, env)[0] ?? 'tensorflow';
  if (products === 'tensorflow') return undefined;
  const variant = variants.find(({ name }) => name === products);
  if (variant) return variant;
  throw new MdiffError(
    'MDIFF_TENSORFLOW',
    `the fused kernels have no products on ${describeProducts(products)} here; "mdiff engine install tensorflow --force" makes them anew`,
    2,
  );
}

/** "AVX-512", or "TensorFlow's products". */
export const describeProducts = (products: Products): string =>
  productVariants.find(({ name }) => name === products)?.label ?? "TensorFlow's products";
