import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf } from '@mdiff/model';
import { diskError, places } from '@mdiff/folder';
import type { Feeds } from '../passes/feeds.js';
import { timed } from '../passes/phases.js';
import type { TfjsNode } from './load.js';

// Loads a SavedModel into native TensorFlow and runs its signatures.

export interface SavedModel {
  /** Runs a signature: arrays in by input name, arrays out by output name. */
  run(signature: string, feeds: Feeds): Record<string, Float32Array>;
  close(): void;
}

type Signature = Awaited<ReturnType<TfjsNode['node']['loadSavedModel']>>;

/** Native TensorFlow is the current backend only while it runs: tfjs records and folds graphs on its own backend. */
function natively<T>(fn: () => T): T {
  const before = tf.getBackend();
  void tf.setBackend('tensorflow');
  try {
    return fn();
  } finally {
    void tf.setBackend(before);
  }
}

function runSignature(signature: Signature, feeds: Feeds): Record<string, Float32Array> {
  const values: Record<string, Float32Array> = {};
  // `tidy` returns nothing: it would search the numbers one by one for tensors, and give up at 16 million.
  tf.tidy(() => {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, shape }]) => [name, tf.tensor(data, [...shape], type)]),
    );
    const outputs = signature.predict(inputs) as Record<string, tf.Tensor>;
    for (const [name, tensor] of Object.entries(outputs)) values[name] = tensor.dataSync() as Float32Array;
  });
  return values;
}

/** Loads the signatures of a model. They share one TensorFlow session, and so the variables. */
export async function loadSavedModel(native: TfjsNode, bytes: Uint8Array, signatures: readonly string[]): Promise<SavedModel> {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'mdiff-tensorflow-'));
    writeFileSync(join(folder, 'saved_model.pb'), bytes);
    // tfjs-node loads only while it is the current backend.
    void tf.setBackend('tensorflow');
    const loaded = new Map<string, Signature>();
    const path = folder;
    for (const name of signatures) loaded.set(name, await timed('load', () => native.node.loadSavedModel(path, ['serve'], name)));
    return {
      run: (signature, feeds) => natively(() => runSignature(loaded.get(signature)!, feeds)),
      close: () => loaded.forEach((signature) => signature.dispose()),
    };
  } catch (error) {
    throw diskError(tmpdir(), error, { task: 'write', place: places.temporary });
  } finally {
    void tf.setBackend('cpu');
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
