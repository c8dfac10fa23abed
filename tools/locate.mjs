// Prints the folder of a configuration's run. start.mjs starts this with the source flags, because @mdiff/config decides the folder.
import { resolve } from 'node:path';
import { loadProject } from '@mdiff/config';

const { config } = loadProject({ file: process.argv[2] });
process.stdout.write(resolve(config.output_dir, config.experiment_name));
