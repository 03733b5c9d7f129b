/** The text with `***` in place of each secret. */
export const redact = (text: string, secrets: Iterable<string>): string =>
  // One secret may be part of another one.
  [...secrets]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text)
