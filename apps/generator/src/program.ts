import { Command } from 'commander';
import { addGenerate } from './generate.js';
import { addInfill } from './infill.js';
import { addServe } from './serve.js';

/** The commands that need only a model folder. Instead of ending the process, a usage error is thrown, as Commander's. */
export function program(): Command {
  const root = new Command('mdiff').description('Generate text with a trained model folder, or serve it').exitOverride();
  addGenerate(root);
  addInfill(root);
  addServe(root);
  return root;
}
