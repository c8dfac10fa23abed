/** A mistake or failure the user can act on; printed as one line, without a stack. */
export class MdiffError extends Error {
  readonly code: string;
  readonly exitCode: number;
  constructor(code: string, message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MdiffError';
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** A folder that cannot be used as a model: not one, of an unknown version, incomplete or damaged. */
export class ModelError extends Error {
  readonly code = 'MDIFF_MODEL';
  readonly exitCode = 1;
  override readonly name = 'ModelError';
}
