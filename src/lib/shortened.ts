/** The text, or its start and an ellipsis if it is longer than `limit` characters. No character is cut in two. */
export const shortened = (text: string, limit: number): string =>
  text.length <= limit ? text : `${text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')}…`
