/** Settings and text that cannot make a training plan. `message` is one line: where, what was expected, what was found, what to do. */
export class CurriculumError extends Error {
  override readonly name = 'CurriculumError';
  readonly code = 'MDIFF_CURRICULUM';
  readonly exitCode = 2;
}
