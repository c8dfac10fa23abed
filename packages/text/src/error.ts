/** A mistake in the text or tokenizer someone handed us. `message` is one line: what was expected, what was found, what to do. */
export class TextError extends Error {
  override readonly name = 'TextError';
  readonly code: 'MDIFF_TEXT' | 'MDIFF_TOKENIZER';
  readonly exitCode = 2;

  constructor(message: string, code: TextError['code'] = 'MDIFF_TEXT') {
    super(message);
    this.code = code;
  }
}
