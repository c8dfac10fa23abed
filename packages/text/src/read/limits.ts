// A whole library of plain text fits into these; an archive that unpacks to more is a bomb, or no book.
export const ENTRY_BYTES = 256 * 2 ** 20;
export const TOTAL_BYTES = 512 * 2 ** 20;
// Text shrinks to a third, repetitive text to a fiftieth; deflate reaches a thousandth only on runs of one byte.
export const RATIO = 200;
export const RATIO_MIN_BYTES = 2 ** 20;

/** A name that leaves its archive. mdiff writes no file of an archive, but such an archive is not honest. */
export const leavesArchive = (name: string): boolean => /^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)|\p{Cc}/u.test(name);
