import { Command } from 'commander';
import { addGenerate } from './generate.js';
import { addInfill } from './infill.js';
import { addServe } from './serve.js';

/** Commands that need only a model folder: `generate`, `infill`, `serve`. */
export function program(): Command {
  const root = new Command('mdiff').description('Generate text with a trained model folder, or serve it');
  // Commander has printed what is wrong; usage errors end with 2, as configuration errors do.
  root.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  addGenerate(root);
  addInfill(root);
  addServe(root);
  return root;
}
