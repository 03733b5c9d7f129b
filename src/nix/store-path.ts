/**
 * A path directly in the Nix store. Source: the Nix manual, "Store path".
 * The digest is 32 characters of Nix's base 32, which lacks e, o, t and u.
 */
export type StorePath = `/nix/store/${string}`

const pattern = /^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9a-zA-Z+\-._?=]{1,211}$/

export const isStorePath = (text: string): text is StorePath => pattern.test(text)

/** Throws an `Error` that names `what` if the text is no store path. */
export const parseStorePath = (text: string, what: string): StorePath => {
  if (!isStorePath(text)) throw new Error(`${what} should be a path in the Nix store, but is ${JSON.stringify(text)}`)
  return text
}

/**
 * Whether the path is a derivation. Asked for such a path, Nix builds its outputs. Source: the Nix manual, "Store
 * derivation".
 */
export const isDerivation = (path: StorePath): boolean => path.endsWith('.drv')

/** The 32 characters by which a binary cache finds a path. */
export const storePathDigest = (path: StorePath): string => path.slice('/nix/store/'.length, '/nix/store/'.length + 32)

/** `git-2.51.0` for `/nix/store/<digest>-git-2.51.0`. */
export const storePathName = (path: StorePath): string => path.slice('/nix/store/'.length + 33)

/**
 * The name without its version, as `builtins.parseDrvName` splits it: the version starts after the first hyphen that is
 * not followed by a letter. `git` for `git-2.51.0`, `git-doc` for `git-doc`.
 */
export const packageName = (path: StorePath): string => {
  const name = storePathName(path)
  const version = name.search(/-[^a-zA-Z]/)
  return version > 0 ? name.slice(0, version) : name
}

/**
 * The rest of the name after `packageName`: `2.51.0` for `git-2.51.0`, `2.51.0-doc` for `git-2.51.0-doc`, and nothing
 * for `git-doc`.
 */
export const packageVersion = (path: StorePath): string => storePathName(path).slice(packageName(path).length + 1)
