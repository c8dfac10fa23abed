/** A request that this model cannot fulfil as it stands, such as a prompt longer than the model. */
export class GenerateError extends Error {
  readonly code = 'MDIFF_GENERATE';
  readonly exitCode = 2;
  override readonly name = 'GenerateError';
}
