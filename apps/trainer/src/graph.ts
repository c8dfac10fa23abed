/** Writes a model folder with a graph to `place`, from one that holds weights alone; `from` is a name or a path, as in `model.init_from`. */
export async function withGraph(from: string, place: string): Promise<void> {
  const train = await import('@mdiff/train');
  return train.withGraph(from, place);
}
