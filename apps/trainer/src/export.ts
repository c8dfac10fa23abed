import { join } from 'node:path';
import { print } from '@mdiff/cli';
import { Option, type Command } from 'commander';

interface ExportFlags {
  out?: string;
  dtype: 'float32' | 'float16';
  weightsOnly?: boolean;
  int8?: boolean;
  cache?: boolean;
  json?: boolean;
}

async function runExport(run: string, { out = join(run, 'snapshot'), dtype, weightsOnly, int8, cache, json }: ExportFlags): Promise<void> {
  const { exportSnapshot } = await import('@mdiff/train');
  const warn = (text: string): void => void process.stderr.write(`${text}\n`);
  const { step, steps, tokens, bitsPerByte } = await exportSnapshot(run, {
    out,
    dtype,
    graph: weightsOnly !== true,
    int8: int8 === true,
    cache: cache === true,
    warn,
  });
  if (json) return print(`${JSON.stringify({ folder: out, dtype, step, steps, tokens, bits_per_byte: bitsPerByte })}\n`);
  const facts = [
    `step ${step} of ${steps}`,
    tokens !== undefined && `${tokens.toLocaleString('en-US')} tokens seen`,
    bitsPerByte !== undefined && `held out ${bitsPerByte.toFixed(3)} bits/byte`,
  ];
  print(`${out}: ${facts.filter(Boolean).join(', ')}\n`);
}

/** `mdiff export <run>`: the newest checkpoint as a model folder, without waiting for the run's end. */
export function addExport(root: Command): void {
  root
    .command('export')
    .description('write the newest checkpoint of a run as a model folder; the run may be going on, and is not changed')
    .argument('<run>', 'folder of the run, as outputs/book')
    .option('-o, --out <folder>', 'the new model folder (default: snapshot inside the run)')
    .addOption(
      new Option('--dtype <type>', 'type of the weights; float16 halves their size').choices(['float32', 'float16']).default('float32'),
    )
    .addOption(
      new Option('--weights-only', 'leave the graph out: enough for model.init_from, not for generating').conflicts(['int8', 'cache']),
    )
    .option('--cache', 'with a graph for generate --cache dual or prefix, which fills a block without computing the rest again')
    .option('--int8', 'with a second graph in 8 bits, for generate --precision int8: faster, and a little less exact')
    .option('--json', 'print the folder and its figures as JSON')
    .action(runExport);
}
