import { parseArgs } from 'node:util';
import { compile, inputNames } from './compile.js';
import { show } from './graph/extent.js';
import type { Graph } from './graph/graph.js';
import { writeOnnx } from './onnx/file.js';
import { SavedModelError, loadSaved } from './saved.js';
import { tf } from './tf.js';

/** The command of this package: a saved model of TensorFlow.js becomes an ONNX model. */

const HELP = `Usage: mdiff-trace <model.json> [options]

Compile a saved TensorFlow.js model (layers or graph) to ONNX, with its weights and an open batch.

Options:
  --out FILE           where to write the model (default: model.onnx); weights above 2 GiB go to FILE.data
  --opset N            version of the ONNX operators, 18 to 23 (default: 21)
  --shape NAME=SIZES   the shape of an input, such as tokens=batch,40; a name is an open size (may repeat)
  --help               show this help
`;

/** Wrong use of the command: exit code 2. */
class UsageError extends Error {}

function shapesOf(texts: readonly string[]): Record<string, (number | string)[]> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name, sizes] = text.split(/=(?=[^=]*$)/) as [string, string?];
      if (!name || !sizes) throw new UsageError(`--shape: expected NAME=SIZES such as tokens=batch,40, got "${text}"`);
      return [name, sizes.split(',').map((size) => (/^\d+$/.test(size) ? Number(size) : size))];
    }),
  );
}

const OPTIONS = {
  out: { type: 'string', default: 'model.onnx' },
  opset: { type: 'string', default: '21' },
  shape: { type: 'string', multiple: true, default: [] as string[] },
  help: { type: 'boolean', default: false },
} as const;

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message.split('. ')[0]!);
  }
}

const describe = (graph: Graph): string => {
  const one = (name: string, value: string): string => `${name} [${graph.values[value]!.shape.map(show).join(', ')}]`;
  const inputs = graph.inputs.map(({ name }) => one(name, name)).join(', ');
  return `${inputs} → ${graph.outputs.map(({ name, value }) => one(name, value)).join(', ')}`;
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB`;

async function convert(args: readonly string[], out: (text: string) => void): Promise<void> {
  const { values, positionals } = readArguments(args);
  if (values.help) return out(HELP);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0)
    throw new UsageError(`expected one model.json, got ${positionals.length}; see mdiff-trace --help`);
  const opset = Number(values.opset);
  if (!Number.isInteger(opset) || opset < 18 || opset > 23)
    throw new UsageError(`--opset: expected a whole number from 18 to 23, got "${values.opset}"`);
  const shapes = shapesOf(values.shape);
  await tf.setBackend('cpu');
  const model = await loadSaved(file);
  const names = inputNames(model);
  const other = Object.keys(shapes).find((name) => !names.includes(name));
  if (other !== undefined) throw new UsageError(`--shape: the model has no input '${other}'; expected ${names.join(', ')}`);
  const { graph, state } = compile(model, { shapes });
  let files: Record<string, number>;
  try {
    files = writeOnnx(values.out, graph, { opset, initializers: state });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || code === 'MDIFF_TRACE') throw error;
    const full = code === 'ENOSPC' ? 'disk full' : code === 'ENOENT' ? 'its folder does not exist' : 'writing failed';
    throw new Error(`cannot write to ${values.out}: ${full} (${code}); choose another file with --out`);
  }
  for (const [written, bytes] of Object.entries(files)) out(`${written}: ${megabytes(bytes)}\n`);
  out(`${describe(graph)}\n`);
}

/** Runs the command and returns its exit code: 0, 2 for wrong use and for what cannot be read, else 1. */
export async function run(args: readonly string[], out: (text: string) => void, err: (text: string) => void): Promise<number> {
  try {
    await convert(args, out);
    return 0;
  } catch (error) {
    err(`error: ${(error as Error).message}\n`);
    return error instanceof UsageError || error instanceof SavedModelError ? 2 : 1;
  }
}
