/** The text with `***` in place of each secret. */
export const redact = (text: string, secrets: Iterable<string>): string =>
  // The longest first, since one secret may be part of another.
  [...secrets]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text)
