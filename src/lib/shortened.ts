/** The start of a text that is longer than `limit` characters, with an ellipsis; no character is cut in two. */
export const shortened = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')}…`
