/** Names that Nix itself gives to what is no secret, as in the URLs of lock files; outputs have the same values. */
const harmless = /^(dir|last-?modified|nar-?hash|ref|rev|rev-?count|submodules)$/i

const secretName = /auth|code|cred|jwt|key|pass|secret|sig|token/i

/** Shorter than any secret is, while it may be part of many a word. */
const shortest = 6

/** A URL without what may be secret in it: user, password and query. */
export const shownUrl = (url: string): string =>
  url.replace(/^([a-z0-9+.-]+:\/\/)[^/?#]*@/i, '$1').replace(/\?[^#]*/, '')

/**
 * The parts of a URL that may be secret: its password, its query, and what the query has under names that say so. They
 * are as they are in it, decoded, and as programs write them that have read the URL.
 */
export const urlSecrets = (url: string): string[] => {
  const [, userinfo = ''] = /^[a-z0-9+.-]+:\/\/([^?#]*)@/i.exec(url) ?? []
  const [, query = ''] = /\?([^#]*)/.exec(url) ?? []
  const pairs = query
    .split(/[&;]/)
    .map((pair) => /^([^=]*=)?(.*)$/s.exec(pair) ?? [])
    .filter(([, name = '']) => !harmless.test(name.slice(0, -1)))
  const password = userinfo.slice(userinfo.indexOf(':') + 1)
  const parts = [
    ...[userinfo, password].flatMap(forms),
    ...(pairs.length > 0 ? [query, decoded(query)] : []),
    ...pairs.flatMap(([, name = '', value = '']) => [
      ...forms(value).map((form) => name + form),
      ...(secretName.test(name) || name === '' ? forms(value) : []),
    ]),
  ]
  return [...new Set(parts)].filter(({ length }) => length >= shortest)
}

const forms = (text: string): string[] => [
  text,
  decoded(text),
  encodeURIComponent(decoded(text)),
  encodeURI(decoded(text)),
]

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
