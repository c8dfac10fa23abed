import { CommandLine } from '@mdiff/cli';
import { addGenerate } from './generate.js';
import { addInfill } from './infill.js';
import { addServe } from './serve.js';

/** The commands that need only a model folder. Instead of ending the process, a usage error is thrown, as Commander's. */
export function program(): CommandLine {
  const root = new CommandLine('mdiff').description('Generate text with a trained model folder, or serve it').exitOverride();
  addGenerate(root);
  addInfill(root);
  addServe(root);
  return root;
}
