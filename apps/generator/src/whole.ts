// The end of a text that its limit has cut, for people to read.

/** New text up to its last whole sentence, if that keeps half of it, or up to its last whole word and a sign that it was to go on. */
export function wholeEnd(completion: string): string {
  const end = [...completion.matchAll(/[.!?]["'”’)]*(?=\s|$)/g)].map((sign) => sign.index + sign[0].length).at(-1) ?? 0;
  if (end > 0 && end >= completion.length / 2) return completion.slice(0, end);
  // A letter or digit at the end may stand in the middle of a word.
  const words = completion.replace(/\S*[\p{L}\p{N}]$/u, '').trimEnd();
  return words === '' ? completion : `${words} …`;
}
