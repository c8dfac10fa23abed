import { CommandLine } from '@mdiff/cli';
import { addGenerate } from './generate.js';
import { addInfill } from './infill.js';
import { addModels } from './models.js';
import { addRewrite } from './rewrite.js';
import { addScore, type WithGraph } from './score.js';
import { addServe } from './serve.js';

/** The commands that need only a model folder. Instead of ending the process, a usage error is thrown, as Commander's. */
export function program({ withGraph }: { withGraph?: WithGraph } = {}): CommandLine {
  const root = new CommandLine('mdiff').description('Generate text with a trained model folder, serve it, or score texts').exitOverride();
  addGenerate(root);
  addInfill(root);
  addRewrite(root);
  addScore(root, withGraph);
  addServe(root);
  addModels(root);
  return root;
}
