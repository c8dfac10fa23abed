// Where the page stands, and the token that its server wants. The token stays in this tab.
const KEY = 'mdiff-token';

/** The folder of the page, under whatever path a proxy put it. */
export const pageBase = (): string => new URL('.', window.location.href.replace(/[?#].*$/, '')).href;

/** The address of the server for clients: without a slash at its end. */
export const apiBase = (): string => pageBase().replace(/\/$/, '');

export const token = (): string => sessionStorage.getItem(KEY) ?? '';
export const keepToken = (value: string): void => sessionStorage.setItem(KEY, value);
