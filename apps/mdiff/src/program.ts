import { Command } from 'commander';

/** The whole command line. Trainer and generator are loaded only when one of their commands runs. */
export function program(): Command {
  return new Command('mdiff').description('Small masked-diffusion language models of one book');
}
