/** Names that Nix itself gives to what is no secret, as in the URLs of lock files; outputs have the same values. */
const harmless = /^(dir|last-?modified|nar-?hash|ref|rev|rev-?count|submodules)$/i

const secretName = /auth|code|cred|jwt|key|pass|secret|sig|token/i

/** Shorter than any secret is, while it may be part of many a word. */
const shortest = 6

/** A URL without what may be secret in it: user, password and query. */
export const shownUrl = (url: string): string =>
  url.replace(/^([a-z0-9+.-]+:\/\/)[^/?#]*@/i, '$1').replace(/\?[^#]*/, '')

/**
 * The parts of a URL that may be secret, as they are in it and decoded: its password, its query, and what the query has under
 * names that say so. Whoever only reads the parts that are shown finds none of them.
 */
export const urlSecrets = (url: string): string[] => {
  const [, userinfo = ''] = /^[a-z0-9+.-]+:\/\/([^?#]*)@/i.exec(url) ?? []
  const [, query = ''] = /\?([^#]*)/.exec(url) ?? []
  const pairs = query.split(/[&;]/).filter((pair) => !harmless.test(pair.split('=')[0] ?? ''))
  const values = pairs.flatMap((pair) => {
    const [name = '', ...value] = pair.split('=')
    return secretName.test(name) || value.length === 0 ? [value.join('=') || name] : []
  })
  const password = userinfo.slice(userinfo.indexOf(':') + 1)
  const parts = [userinfo, password, ...(pairs.length > 0 ? [query] : []), ...pairs, ...values]
  return [...new Set(parts.flatMap((part) => [part, decoded(part)]))].filter(({ length }) => length >= shortest)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
