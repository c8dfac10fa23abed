const drawn = (path: string) => () => (
  <svg
    class="icon"
    viewBox="0 0 24 24"
    aria-hidden="true"
    fill="none"
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    <path d={path} />
  </svg>
);

export const UndoIcon = drawn('M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3');
export const RedoIcon = drawn('m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3');
export const LinkIcon = drawn('M10 14a5 5 0 0 0 7 0l3-3a5 5 0 0 0-7-7l-1 1M14 10a5 5 0 0 0-7 0l-3 3a5 5 0 0 0 7 7l1-1');
export const ThemeIcon = drawn('M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9Z');
export const PlayIcon = drawn('M7 5v14l12-7Z');
export const PauseIcon = drawn('M8 5v14M16 5v14');
export const DiceIcon = drawn(
  'M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1ZM9 9h.01M15 15h.01M15 9h.01M9 15h.01',
);
export const CloseIcon = drawn('M6 6l12 12M18 6 6 18');
