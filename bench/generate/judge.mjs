// The judge: a Kneser–Ney 5-gram of the training part of a book, and of further texts, in the tokens of the model.
import { loadProject } from '@mdiff/config';
import { makeUnits } from '@mdiff/curriculum';
import { holdOut } from '@mdiff/text';
import { loadSource } from '@mdiff/text/node';
import { trainNgram } from '../ngram/kneser.ts';

export async function trainJudge({ tokenizer }, preset, corpus = []) {
  const { config } = loadProject({ file: false, preset });
  const { data, curriculum, model, training } = config;
  const { documents } = await loadSource(data.source, { dataDir: config.data_dir });
  const format = curriculum.stages.at(-1).format_type;
  const options = { format, data, maxSlot: model.max_seq_len, shiftHead: model.shift_head, seed: config.seed };
  const read = [...holdOut(documents, training.val_split).train];
  for (const source of corpus) read.push(...(await loadSource(source)).documents.flatMap(({ sections }) => sections));
  const units = makeUnits(read, tokenizer, options);
  const { bos, eos } = tokenizer.special;
  const sizes = { bos, vocabSize: tokenizer.vocabSize, outcomes: tokenizer.vocabSize - 4 };
  return trainNgram(
    units.map(({ tokens }) => [...tokens, eos]),
    { order: 5, ...sizes },
  );
}
