import type { Rng } from '@mdiff/diffusion';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Rows of a sparse matrix [rows × columns], one after another (CSR). */
export interface Sparse {
  columns: number;
  /** row r is at start[r]…start[r + 1] − 1 of the other two */
  start: Int32Array;
  column: Int32Array;
  value: Float32Array;
}

const OVERSAMPLE = 10;
const ITERATIONS = 3;

/**
 * The leading right singular vectors of a sparse matrix, [columns × d] row-major, by randomized subspace iteration (Halko, Martinsson & Tropp 2011,
 * algorithm 4.4, on AᵀA) and a Rayleigh–Ritz step. It keeps columns × (d + 10) numbers in memory, and nothing of the size of the rows.
 * Directions beyond the rank of the matrix are zero.
 */
export function rightSingularVectors(matrix: Sparse, d: number, rng: Rng): Float64Array {
  const m = matrix.columns;
  const l = Math.min(m, d + OVERSAMPLE);
  let basis = orthonormal(
    Float64Array.from({ length: m * l }, () => rng.normal()),
    m,
    l,
  );
  for (let i = 0; i < ITERATIONS; i++) basis = orthonormal(gramTimes(matrix, basis, l), m, l);

  // AᵀA in the subspace, [l × l]; its eigenvectors turn the basis into singular vectors.
  const product = gramTimes(matrix, basis, l);
  const small = Matrix.zeros(l, l);
  for (let i = 0; i < l; i++) {
    for (let j = i; j < l; j++) {
      let sum = 0;
      for (let c = 0; c < m; c++) sum += basis[c * l + i]! * product[c * l + j]!;
      small.set(i, j, sum);
      small.set(j, i, sum);
    }
  }
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(small, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
  const floor = 1e-10 * Math.max(0, realEigenvalues[order[0]!]!);
  const vectors = new Float64Array(m * d);
  order.slice(0, d).forEach((from, k) => {
    if (realEigenvalues[from]! <= floor) return;
    const turn = eigenvectorMatrix.getColumn(from);
    for (let c = 0; c < m; c++) {
      let sum = 0;
      for (let i = 0; i < l; i++) sum += basis[c * l + i]! * turn[i]!;
      vectors[c * d + k] = sum;
    }
  });
  return vectors;
}

/** AᵀA Z for Z [columns × l], a row of A at a time. */
function gramTimes({ columns, start, column, value }: Sparse, z: Float64Array, l: number): Float64Array {
  const out = new Float64Array(columns * l);
  const row = new Float64Array(l);
  for (let r = 0; r + 1 < start.length; r++) {
    row.fill(0);
    for (let e = start[r]!; e < start[r + 1]!; e++) {
      const offset = column[e]! * l;
      for (let i = 0; i < l; i++) row[i]! += value[e]! * z[offset + i]!;
    }
    for (let e = start[r]!; e < start[r + 1]!; e++) {
      const offset = column[e]! * l;
      for (let i = 0; i < l; i++) out[offset + i]! += value[e]! * row[i]!;
    }
  }
  return out;
}

/** Orthonormal columns that span those of z [m × l]: Gram–Schmidt, each column twice for full precision; dependent columns become zero. */
function orthonormal(z: Float64Array, m: number, l: number): Float64Array {
  const columns = Array.from({ length: l }, (_, j) => Float64Array.from({ length: m }, (__, c) => z[c * l + j]!));
  columns.forEach((vector, j) => {
    const before = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++) {
      for (const other of columns.slice(0, j)) {
        const share = dot(other, vector);
        for (let c = 0; c < m; c++) vector[c]! -= share * other[c]!;
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    const scale = norm > 1e-10 * before ? 1 / norm : 0;
    for (let c = 0; c < m; c++) vector[c]! *= scale;
  });
  return Float64Array.from({ length: m * l }, (_, i) => columns[i % l]![Math.floor(i / l)]!);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
