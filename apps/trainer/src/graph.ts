import type { Runnable } from '@mdiff/train';

/** A temporary model folder with a graph, from one that holds weights alone; `from` is a name or a path, as in `model.init_from`. */
export async function withGraph(from: string): Promise<Runnable> {
  const train = await import('@mdiff/train');
  return train.withGraph(from);
}
