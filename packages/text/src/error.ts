/** A text or a tokenizer that mdiff cannot use. `message` is one line: the place, the reason, and the remedy. */
export class TextError extends Error {
  override readonly name = 'TextError';
  readonly code: 'MDIFF_TEXT' | 'MDIFF_TOKENIZER';
  readonly exitCode = 2;

  constructor(message: string, code: TextError['code'] = 'MDIFF_TEXT') {
    // Names inside archives may hold anything.
    super(message.replace(/[\r\n\u2028\u2029\0]+/g, ' '));
    this.code = code;
  }
}
