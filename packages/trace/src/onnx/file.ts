import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Graph } from '../graph/graph.js';
import { LIMIT } from '../protobuf.js';
import { encode, type OnnxModel, type OnnxTensor } from './encode.js';
import { onnxModel, type OnnxOptions } from './model.js';

/** Models as files. The weights are written from where they are in memory, without a copy. */

export interface OnnxFileOptions extends OnnxOptions {
  /** Bytes of weights above which they go to a file of their own beside the model, `<name>.data`. Default: what protobuf holds, 2 GiB. */
  limit?: number;
}

/** protobuf counts the nodes, too. */
const NODES = 2 ** 26;
/** Runtimes may map a file into memory and read numbers from it in place. */
const ALIGNMENT = 64;
/** Weights of less than this stay in the model. */
const SMALL = 1024;
/** Node writes less than 2 GiB at once. */
const PIECE = 2 ** 28;

/** Writes pieces to a file, which appears whole or not at all. */
function writePieces(file: string, pieces: Iterable<Uint8Array>): number {
  const partial = join(dirname(file), `.${basename(file)}.${process.pid}.partial`);
  let length = 0;
  try {
    const target = openSync(partial, 'w');
    try {
      for (const piece of pieces)
        for (let from = 0; from < piece.byteLength;) {
          const written = writeSync(target, piece, from, Math.min(PIECE, piece.byteLength - from));
          from += written;
          length += written;
        }
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  return length;
}

/** The model with its large weights as places in `file`, and the pieces of that file. */
function moveOut(model: OnnxModel, file: string): { model: OnnxModel; pieces: Uint8Array[] } {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  const initializers = model.initializers.map((tensor): OnnxTensor => {
    const { data } = tensor;
    if (!(data instanceof Uint8Array) || data.byteLength < SMALL) return tensor;
    const gap = (ALIGNMENT - (offset % ALIGNMENT)) % ALIGNMENT;
    pieces.push(new Uint8Array(gap), data);
    const place = { file, offset: offset + gap, length: data.byteLength };
    offset = place.offset + place.length;
    return { ...tensor, data: place };
  });
  return { model: { ...model, initializers }, pieces };
}

/**
 * Lowers a graph to ONNX and writes it to `file`, with weights above `limit` bytes in `<file>.data`, which the model names without a folder.
 * Returns the files with their sizes in bytes. @throws TraceError as `toOnnx`; the error of the disk
 */
export function writeOnnx(file: string, graph: Graph, { limit = LIMIT - NODES, ...options }: OnnxFileOptions = {}): Record<string, number> {
  const whole = onnxModel(graph, options);
  const weights = whole.initializers.reduce((total, { data }) => total + (data instanceof Uint8Array ? data.byteLength : 0), 0);
  if (weights <= limit) return { [file]: writePieces(file, encode(whole)) };
  const { model, pieces } = moveOut(whole, `${basename(file)}.data`);
  const stored = writePieces(`${file}.data`, pieces);
  return { [file]: writePieces(file, encode(model)), [`${file}.data`]: stored };
}
