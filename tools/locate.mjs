// Prints the folder a configuration's run lives in. Started by start.mjs with the source flags, because the rule for it is @mdiff/config's.
import { resolve } from 'node:path';
import { loadProject } from '@mdiff/config';

const { config } = loadProject({ file: process.argv[2] });
process.stdout.write(resolve(config.output_dir, config.experiment_name));
