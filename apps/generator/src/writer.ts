import { closing } from '@mdiff/folder';
import type { Part } from '@mdiff/generate';

// Writes for a training that runs: a text with a model folder, or the gaps of texts.

/** Writes one text with the settings of the folder. */
export async function writeText(folder: string, { prompt, seed }: { prompt: string; seed: number }): Promise<string> {
  const { generate, loadModel } = await import('@mdiff/generate');
  const model = await loadModel(folder, { verify: false });
  return closing(model, async () => (await generate(model, { prompt, seed, n: 1 })).texts[0]!.text);
}

/** Fills the gaps of each text. @returns undefined if `signal` was aborted */
export async function refillTexts(
  folder: string,
  { texts, seed, signal }: { texts: readonly (readonly Part[])[]; seed: number; signal: AbortSignal },
): Promise<string[] | undefined> {
  const { infill, loadModel } = await import('@mdiff/generate');
  const model = await loadModel(folder, { verify: false });
  return closing(model, async () => {
    const filled: string[] = [];
    for (const [i, parts] of texts.entries()) {
      if (signal.aborted) return undefined;
      filled.push((await infill(model, parts, { seed: seed + i, n: 1, sampler: 'confidence', blockLength: null })).texts[0]!.text);
    }
    return filled;
  });
}
