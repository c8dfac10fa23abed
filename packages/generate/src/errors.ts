/** A request that this model cannot fulfil as it stands, such as a prompt longer than the model. */
export class GenerateError extends Error {
  readonly code = 'MDIFF_GENERATE';
  readonly exitCode = 2;
  override readonly name = 'GenerateError';
  /** The text and what is to be added are longer than the model, or than the window asked for. */
  readonly tooLong: boolean;
  constructor(message: string, { tooLong = false }: { tooLong?: boolean } = {}) {
    super(message);
    this.tooLong = tooLong;
  }
}
