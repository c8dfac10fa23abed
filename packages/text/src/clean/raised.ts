const MARK = /^[[(]?\d{1,3}[\])]?$|^[*†‡§¶]+$/u;
// m², x³ and 10⁶ are no notes; a word, or the mark at its end, that carries a number is.
const CARRIER = /(?:\p{L}{3}|[.,;:!?”"’')\]—])$/u;

/** True if a raised piece of text is the mark of a note, by its shape and by the text before it on the line. */
export const isRaisedMark = (text: string, before: string): boolean => MARK.test(text) && CARRIER.test(before);
