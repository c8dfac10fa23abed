import { CommandLine } from '@mdiff/cli';
import { addCompare } from './compare.js';
import { addData } from './data.js';
import { addEmbeddings } from './embeddings.js';
import { addEngine } from './engine.js';
import { addExport } from './export.js';
import type { Writer } from '@mdiff/train';
import type { OnTrained } from './next.js';
import { addRuns } from './runs.js';
import { addTrain } from './train.js';
import { addTune } from './tune.js';
import { addWatch } from './watch.js';

/** The commands that need a training engine. Instead of ending the process, a usage error is thrown, as Commander's. */
export function program({ onTrained, writer }: { onTrained?: OnTrained; writer?: Writer } = {}): CommandLine {
  const root = new CommandLine('mdiff').description('Train small masked-diffusion language models').exitOverride();
  addTrain(root, { onTrained, writer });
  addTune(root);
  addCompare(root);
  addExport(root);
  addRuns(root);
  addWatch(root);
  addData(root);
  addEmbeddings(root);
  addEngine(root);
  return root;
}
