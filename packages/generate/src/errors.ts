/** A folder that cannot be used as a model: not one, of an unknown version, incomplete or damaged. */
export class ModelError extends Error {
  readonly code = 'MDIFF_MODEL';
  readonly exitCode = 1;
  override readonly name = 'ModelError';
}

/** A request that this model cannot fulfil as it stands, such as a prompt longer than the model. */
export class GenerateError extends Error {
  readonly code = 'MDIFF_GENERATE';
  readonly exitCode = 2;
  override readonly name = 'GenerateError';
}
