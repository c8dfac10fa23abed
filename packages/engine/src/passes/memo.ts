/**
 * Keeps the last `limit` results of a pure function, by key. A thread that takes one engine after another (`mdiff compare`, `mdiff tune`) traces
 * each pass once.
 */
export function remembered<T>(limit: number): (key: string, make: () => T) => T {
  const results = new Map<string, T>();
  return (key, make) => {
    const result = results.has(key) ? results.get(key)! : make();
    // The map's order is that of the last use.
    results.delete(key);
    results.set(key, result);
    if (results.size > limit) results.delete(results.keys().next().value!);
    return result;
  };
}
