import { Command } from 'commander';
import { addData } from './data.js';
import { addEmbeddings } from './embeddings.js';
import { addEngine } from './engine.js';
import { addTrain } from './train.js';

/** The commands that need a training engine. */
export function program(): Command {
  const root = new Command('mdiff').description('Train small masked-diffusion language models');
  addTrain(root);
  addData(root);
  addEmbeddings(root);
  addEngine(root);
  return root;
}
