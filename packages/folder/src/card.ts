/** The two-column rows of the first table of a card. */
export function factsIn(card: string): Record<string, string> {
  const facts: Record<string, string> = {};
  let inside = false;
  for (const line of card.split('\n')) {
    const [, key, value] = /^\| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
    if (key !== undefined) facts[key] = value!;
    inside ||= line.startsWith('|');
    if (inside && !line.startsWith('|')) break;
  }
  return facts;
}
