import { CommandLine } from '@mdiff/cli';
import { addEvaluate } from './evaluate.js';
import { addExportSite } from './exportsite.js';
import { addGenerate } from './generate.js';
import { addInfill } from './infill.js';
import { addModels } from './models.js';
import { addRewrite } from './rewrite.js';
import type { Hooks } from './graphs.js';
import { addScore } from './score.js';
import { addServe } from './serve.js';

/** The commands that need only a model folder. Instead of ending the process, a usage error is thrown, as Commander's. */
export function program(hooks: Hooks = {}): CommandLine {
  const root = new CommandLine('mdiff').description('Generate text with a trained model folder, serve it, or score texts').exitOverride();
  addGenerate(root, hooks);
  addInfill(root, hooks);
  addRewrite(root, hooks);
  addEvaluate(root, hooks);
  addScore(root, hooks);
  addServe(root, hooks);
  addExportSite(root, hooks);
  addModels(root);
  return root;
}
