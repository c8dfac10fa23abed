// Light or dark: what the system says, until you choose.
const KEY = 'mdiff-theme';

const dark = (): boolean =>
  (document.documentElement.dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';

export function restoreTheme(): void {
  const kept = localStorage.getItem(KEY);
  if (kept === 'dark' || kept === 'light') document.documentElement.dataset['theme'] = kept;
}

/** Switches, and returns the new theme. */
export function nextTheme(): 'light' | 'dark' {
  const theme = dark() ? 'light' : 'dark';
  document.documentElement.dataset['theme'] = theme;
  localStorage.setItem(KEY, theme);
  return theme;
}
