import { TextError } from '../error.js';

/**
 * A parser that is loaded when the first file of its format comes, since plain text needs none and a reader of models needs none either.
 * @throws TextError that names the package when it is not installed
 */
export async function parser<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    throw new TextError(`it needs the package ${name}, which is not here; install it: npm install ${name}`);
  }
}
