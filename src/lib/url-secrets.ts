/**
 * Parameters of Nix's own that are not secret, as in the URLs of lock files. Outputs of the action have the same
 * values.
 */
const harmless = /^(dir|last-?modified|nar-?hash|ref|rev|rev-?count|submodules)$/i

const secretName = /auth|code|cred|jwt|key|pass|secret|sig|token/i

/** In characters. No secret is shorter, but a shorter text may be part of many words. */
const shortest = 6

/** A URL without the parts that may be secret: user, password and query. */
export const shownUrl = (url: string): string =>
  url.replace(/^([a-z0-9+.-]+:\/\/)[^/?#]*@/i, '$1').replace(/\?[^#]*/, '')

/**
 * The parts of a URL that may be secret: its user and password, its query, and the values of parameters with names that
 * suggest a secret. Each part is given as it is in the URL, decoded, and as programs write it that have parsed the URL.
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
