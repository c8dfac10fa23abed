import { TextError } from '../error.js';

/**
 * Loads a parser when the first file of its format comes: plain text needs none, and neither does a reader of models.
 * @throws TextError that names the package when it is not installed
 */
export async function optionalPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    throw new TextError(`it needs the package ${name}, which is not installed; install it: npm install ${name}`);
  }
}
