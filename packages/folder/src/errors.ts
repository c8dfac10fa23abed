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

/** Runs `task` and then closes what it has used. An error of the task is the one to show, and never hidden by one of closing. */
export async function closing<T>(used: { close(): Promise<void> | void }, task: () => Promise<T> | T): Promise<T> {
  let result: T;
  try {
    result = await task();
  } catch (error) {
    try {
      await used.close();
    } catch {
      // the first error says more
    }
    throw error;
  }
  await used.close();
  return result;
}

/** A folder that cannot be used as a model: of an unknown version, incomplete or damaged; with exit code 2 not a model at all, which is a mistake of usage. */
export class ModelError extends Error {
  readonly code = 'MDIFF_MODEL';
  readonly exitCode: number;
  override readonly name = 'ModelError';
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
