import type { Excerpt } from './excerpt.js';
import type { GenerationConfig, ModelConfig, ProjectConfig, TrainingConfig } from '@mdiff/config';
import type { ExportedGraphs } from '@mdiff/engine';
import type { ParamLayout } from '@mdiff/model';
import { isFiniteArray, tensorsOf } from './checkpoint.js';
import type { BaseRecord, Progress } from './checkpoint.js';
import { nonFinite } from './nonfinite.js';
import { networkOf } from './network.js';
import { writeFolderWhole } from '@mdiff/folder/node';
import type { Dtype, Manifest } from '@mdiff/folder';
import { FILES, MODEL_TYPE, places, toFolderConfig, writeSafetensors } from '@mdiff/folder';

/** The figures of the model card, all measured in this run. */
export interface Card {
  name: string;
  /** title of the text, as `run.json` has it */
  source: string;
  trainedOn?: { documents: number; tokens: number; bytes: number };
  /** `of`: tokens of the whole held-out part; more than `tokens` where a sample was evaluated */
  heldOut?: { documents: number; tokens: number; bytes: number; of: number; format: TrainingConfig['eval_format'] };
  /** the whole text, where a checkpoint is exported and its parts are not known; `heldOutApart`: the held-out text is another one */
  text?: { documents: number; bytes: number; heldOutApart: boolean };
  /** steps that ran */
  steps: number;
  /** steps of the plan: more than `steps` after early stopping */
  planned: number;
  /** the run was going on when this was exported */
  unfinished?: boolean;
  /** read by all steps, padding not counted; undefined for a run of a release that did not count them */
  tokensSeen?: number;
  /** of training and evaluation, over all sessions */
  seconds: number;
  /** over all sessions, evaluations included; 0: not measured */
  tokensPerSecond: number;
  nelbo?: { nelbo: number; se: number; bitsPerByte: number; step?: number };
  /** held-out bits per byte of next-token prediction, if the run trained it throughout */
  causalBitsPerByte?: number;
  engine: string;
  /** prompts from the held-out text, for the commands of the card */
  excerpt?: Excerpt;
  seed: number;
  /** the model that the run started from */
  base?: BaseRecord;
}

export interface ModelFolder {
  model: ModelConfig;
  /** of the steps, trained as next-token prediction */
  causalShare: number;
  generation: GenerationConfig;
  layout: ParamLayout;
  params: Float32Array;
  /** of the weights on the disk */
  dtype?: Dtype;
  /** left out of a folder that only gives its weights to other runs */
  onnx?: ExportedGraphs;
  tokenizerJson: string;
  resolvedYaml: string;
  card: Card;
}

/** Tokens per second of training and evaluation, over all sessions; 0 for a run of a release that did not count its tokens. */
export const speedOf = ({ tokens = 0, seconds }: Pick<Progress, 'tokens' | 'seconds'>): number => (seconds > 0 ? tokens / seconds : 0);

const count = (n: number): string => n.toLocaleString('en-US');

const heldOutText = ({ documents, tokens, bytes, of, format }: NonNullable<Card['heldOut']>): string =>
  `${count(documents)} documents, ${tokens < of ? `of which ${count(tokens)} of ${count(of)} tokens were evaluated` : `${count(tokens)} tokens`}, ${count(bytes)} bytes${format === 'passages' ? ', in passages of neighbouring paragraphs' : ''}`;

function textRows({ trainedOn, heldOut, text }: Card): string {
  return [
    trainedOn &&
      `| trained on | ${count(trainedOn.documents)} documents, ${count(trainedOn.tokens)} tokens, ${count(trainedOn.bytes)} bytes |\n`,
    heldOut && `| held out | ${heldOutText(heldOut)} |\n`,
    text &&
      `| trained on | ${count(text.documents)} documents, ${count(text.bytes)} bytes${text.heldOutApart ? '' : ', the held-out part included'} |\n`,
  ]
    .filter(Boolean)
    .join('');
}

/** The base model, with the text that its own card names. */
const baseRow = ({ name, card }: BaseRecord): string =>
  `| base | ${[name, card['text'] && `text: ${card['text']}`, card['training'], card['tokens seen'] && `${card['tokens seen']} tokens seen`, card['base'] && `from: ${card['base']}`].filter(Boolean).join('; ')} |\n`;

// How a model folder is used that has no graph.
const FINE_TUNING = `\`\`\`
npx mdiff train your-book.txt --set model.init_from=<this folder>
\`\`\`

The folder has weights and no graph: runs start from it, and it cannot write text itself.`;

const generating = ({ card: { excerpt }, causalShare, model }: Pick<ModelFolder, 'card' | 'causalShare' | 'model'>): string => `\`\`\`
npx mdiff generate <this folder>${excerpt ? ` --prompt "${excerpt.prompt}"` : ''}
${excerpt && causalShare < 1 ? `npx mdiff infill <this folder> "${excerpt.gapped}"\n` : ''}npx mdiff serve <this folder> --port 8080
\`\`\`

\`onnx/model.onnx\` takes \`input_ids\` and \`attention_mask\` (int32 [batch, length]) and \`rows\` (int32 [rows], flattened positions), and gives \`logits\` (float32 [rows, vocab])${
  model.shift_head ? '; the row starts with [BOS], and the output at position i−1 predicts position i' : ''
}.`;

function modelCard({
  card,
  causalShare,
  layout,
  model,
  onnx,
}: Pick<ModelFolder, 'card' | 'causalShare' | 'layout' | 'model' | 'onnx'>): string {
  const { nelbo, causalBitsPerByte: causal } = card;
  const quality = nelbo
    ? `| held-out NELBO | ${nelbo.nelbo.toFixed(3)} ± ${nelbo.se.toFixed(3)} nats/token${nelbo.step === undefined ? '' : ` at step ${count(nelbo.step)}`} |\n| held-out bits per byte | ${nelbo.bitsPerByte.toFixed(3)} (an upper bound) |\n`
    : `| held-out NELBO | not measured: ${causalShare === 1 ? 'the model learnt the next token alone, so the bound means nothing' : 'nothing was held out'} |\n`;
  // A base that goes on with its own text, or with one of the same name, is not tuned to another.
  const further = card.base !== undefined && card.base.card['text'] === card.source;
  const origin = card.base
    ? `${further ? 'trained further' : 'fine-tuned'} from ${card.base.name} (weights sha256 ${card.base.sha256}) on ${card.source}`
    : `trained from scratch on ${card.source}`;
  const ran = `${count(card.steps)} steps${card.unfinished ? ` of ${count(card.planned)}, a snapshot` : card.steps < card.planned ? ` (early stopping; ${count(card.planned)} were planned)` : ''}`;
  const speed = card.tokensPerSecond > 0 ? `, ${count(Math.round(card.tokensPerSecond))} tokens/s` : '';
  return `---
library_name: mdiff
pipeline_tag: text-generation
tags: [masked-diffusion, text-generation, text-infilling]
---

# ${card.name}

${causalShare === 1 ? 'An autoregressive' : 'A masked-diffusion'} language model of ${count(layout.total)} parameters, ${origin} with mdiff. It ${
    causalShare === 1 ? 'writes from left to right' : 'fills masked\npositions anywhere'
  } in a text of at most ${model.max_seq_len} tokens; it knows only this text${card.base ? ' and the text of its base' : ''}.

| | |
|---|---|
| text | ${card.source} |
${textRows(card)}| shape | ${model.n_layers} layers, width ${model.d_model}, ${model.n_heads} heads, vocabulary ${count(model.vocab_size)} |
| training | ${ran} in ${Math.round(card.seconds)} s${speed}, engine ${card.engine}, seed ${card.seed} |
${card.tokensSeen === undefined ? '' : `| tokens seen | ${count(card.tokensSeen)} |\n`}${quality}${card.base ? baseRow(card.base) : ''}${causal === undefined ? '' : `| held-out bits per byte, next-token prediction | ${causal.toFixed(3)} (exact for that mode) |\n`}
## Use

${onnx ? generating({ card, causalShare, model }) : FINE_TUNING}

## Limits

It can repeat passages of its training text word for word, and it makes things up. Its knowledge and its attitudes are those of its text.
`;
}

/** Whether a folder gets the graph that writes from left to right: nothing else teaches it than next-token steps, here or of the base. */
export const writesCausal = ({ model, training }: ProjectConfig, base: BaseRecord | undefined): boolean =>
  model.shift_head && (training.causal_fraction > 0 || base !== undefined);

/** The graphs by their paths in the folder. */
export const graphFiles = (graphs: ExportedGraphs | undefined): Record<string, Uint8Array> => ({
  ...(graphs && { [FILES.graph]: graphs.model }),
  ...(graphs?.causal && { [FILES.causal]: graphs.causal }),
  ...(graphs?.block && { [FILES.block]: graphs.block }),
  ...(graphs?.quantized && { [FILES.quantized]: graphs.quantized }),
  ...(graphs?.quantizedCausal && { [FILES.quantizedCausal]: graphs.quantizedCausal }),
  ...(graphs?.quantizedBlock && { [FILES.quantizedBlock]: graphs.quantizedBlock }),
});

/**
 * `tokenizer_config.json`, without which the libraries of Hugging Face open no tokenizer. Their clean-up would take the blank out of "don 't" and
 * before a comma, so that a text does not come back as it was. mdiff does not read it: to mdiff a `[MASK]` that a user types is text.
 */
const tokenizerConfig = ({ max_seq_len }: ModelFolder['model']): Record<string, unknown> => ({
  tokenizer_class: 'PreTrainedTokenizerFast',
  clean_up_tokenization_spaces: false,
  model_max_length: max_seq_len,
  mask_token: '[MASK]',
  pad_token: '[PAD]',
  bos_token: '[BOS]',
  eos_token: '[EOS]',
  sep_token: '[SEP]',
});

/** Writes the model folder of docs/architecture.md, whole or not at all. */
export async function writeModelFolder(path: string, folder: ModelFolder): Promise<Manifest> {
  const { model, generation, layout, params } = folder;
  if (!isFiniteArray(params)) throw nonFinite(`${path}: the weights are not finite, so mdiff exports no model`);
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return writeFolderWhole(
    path,
    {
      [FILES.config]: json(toFolderConfig(networkOf(model), folder.card.name, folder.causalShare)),
      [FILES.resolved]: folder.resolvedYaml,
      [FILES.weights]: writeSafetensors(tensorsOf(params, layout), { format: 'pt', model_type: MODEL_TYPE }, folder.dtype),
      ...graphFiles(folder.onnx),
      [FILES.tokenizer]: folder.tokenizerJson,
      [FILES.tokenizerConfig]: json(tokenizerConfig(model)),
      [FILES.generation]: json(generation),
      [FILES.card]: modelCard(folder),
    },
    places.run,
  );
}
