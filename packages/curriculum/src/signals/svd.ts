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
  const begin = new Float64Array(m * l);
  for (let i = 0; i < begin.length; i++) begin[i] = rng.normal();
  let basis = orthonormal(begin, m, l);
  for (let i = 0; i < ITERATIONS; i++) basis = orthonormal(gramTimes(matrix, basis, l), m, l);

  // AᵀA in the subspace, [l × l]; its eigenvectors turn the basis into singular vectors.
  const product = gramTimes(matrix, basis, l);
  const sums = new Float64Array(l * l);
  for (let c = 0; c < m; c++) {
    for (let i = 0; i < l; i++) {
      const value = basis[c * l + i]!;
      for (let j = i; j < l; j++) sums[i * l + j]! += value * product[c * l + j]!;
    }
  }
  const small = Matrix.zeros(l, l);
  for (let i = 0; i < l; i++) {
    for (let j = i; j < l; j++) {
      small.set(i, j, sums[i * l + j]!);
      small.set(j, i, sums[i * l + j]!);
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
      const weight = value[e]!;
      const offset = column[e]! * l;
      for (let i = 0; i < l; i++) row[i]! += weight * z[offset + i]!;
    }
    for (let e = start[r]!; e < start[r + 1]!; e++) {
      const weight = value[e]!;
      const offset = column[e]! * l;
      for (let i = 0; i < l; i++) out[offset + i]! += weight * row[i]!;
    }
  }
  return out;
}

/** Orthonormal columns that span those of z [m × l]: Gram–Schmidt, each column twice for full precision; dependent columns become zero. */
function orthonormal(z: Float64Array, m: number, l: number): Float64Array {
  const columns = Array.from({ length: l }, (_, j) => {
    const vector = new Float64Array(m);
    for (let c = 0; c < m; c++) vector[c] = z[c * l + j]!;
    return vector;
  });
  const before = columns.map((vector) => Math.sqrt(dot(vector, vector)));
  columns.forEach((vector, j) => {
    // The first pass has been done, by the finished columns before this one. The second:
    if (j > 0) {
      let share = dot(columns[0]!, vector);
      for (let i = 0; i + 1 < j; i++) share = subtractAndDot(vector, share, columns[i]!, columns[i + 1]!);
      subtract(vector, share, columns[j - 1]!);
    }
    const norm = Math.sqrt(dot(vector, vector));
    const scale = norm > 1e-10 * before[j]! ? 1 / norm : 0;
    for (let c = 0; c < m; c++) vector[c]! *= scale;
    // The first pass of those behind, four at a time: their sums do not wait for each other.
    let next = j + 1;
    for (; next + 3 < l; next += 4) {
      const [a, b, c, d] = [columns[next]!, columns[next + 1]!, columns[next + 2]!, columns[next + 3]!];
      const shares = dots(vector, a, b, c, d);
      subtract(a, shares[0], vector);
      subtract(b, shares[1], vector);
      subtract(c, shares[2], vector);
      subtract(d, shares[3], vector);
    }
    for (; next < l; next++) subtract(columns[next]!, dot(vector, columns[next]!), vector);
  });
  const out = new Float64Array(m * l);
  columns.forEach((vector, j) => {
    for (let c = 0; c < m; c++) out[c * l + j] = vector[c]!;
  });
  return out;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Dot products of one vector with four; each is summed in the order of `dot`. */
function dots(v: Float64Array, a: Float64Array, b: Float64Array, c: Float64Array, d: Float64Array): [number, number, number, number] {
  let [x, y, z, w] = [0, 0, 0, 0];
  for (let i = 0; i < v.length; i++) {
    const value = v[i]!;
    x += value * a[i]!;
    y += value * b[i]!;
    z += value * c[i]!;
    w += value * d[i]!;
  }
  return [x, y, z, w];
}

/** vector −= share · other */
function subtract(vector: Float64Array, share: number, other: Float64Array): void {
  for (let c = 0; c < vector.length; c++) vector[c]! -= share * other[c]!;
}

/** The same, and the dot product of the result with `next`, in one pass. */
function subtractAndDot(vector: Float64Array, share: number, other: Float64Array, next: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < vector.length; c++) {
    const value = vector[c]! - share * other[c]!;
    vector[c] = value;
    sum += next[c]! * value;
  }
  return sum;
}
