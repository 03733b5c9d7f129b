import { execFileSync } from 'node:child_process'

/** A package; `size` is in bytes. Packages of the same `source` change together. */
export type Package = {
  readonly name: string
  readonly version: string
  readonly source: string
  readonly size: number
  readonly needs: readonly string[]
}

/** Packages with everything that they need, without cycles, by name. */
export type Packages = ReadonlyMap<string, Package>

/** Packages that only installation scripts need. A store path would not reference them. */
const installers = new Set(
  ['adduser', 'debconf', 'dpkg', 'init-system-helpers', 'install-info', 'lsb-base', 'sysvinit-utils', 'ucf'].concat([
    'cdebconf',
    'debianutils',
    'media-types',
    'mime-support',
    'sensible-utils',
    'systemd',
    'usrmerge',
  ]),
)

/**
 * All packages in Debian's index on this machine, as `apt-cache dumpavail` prints it. Of alternatives, a package needs
 * the first one. As in Nix, libc6 needs nothing, and a library needs no programs, only libraries and data.
 */
export const debianPackages = (): Packages => {
  const index = execFileSync('apt-cache', ['dumpavail'], { encoding: 'utf8', maxBuffer: 1 << 29 })
  const all = new Map<string, Package & { readonly isLibrary: boolean }>()
  for (const stanza of index.split('\n\n')) {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
    const name = field('Package')
    if (name === '' || all.has(name) || installers.has(name)) continue
    all.set(name, {
      name,
      version: field('Version').replace(/[^0-9a-zA-Z+\-.]/g, '.'),
      source: field('Source').replace(/ .*/, '') || name,
      size: Number(field('Installed-Size')) * 1024,
      needs: [field('Pre-Depends'), field('Depends')]
        .flatMap((list) => list.split(','))
        .map((entry) => /^[a-z0-9+.-]+/.exec(entry.trim())?.[0] ?? ''),
      isLibrary: /(^|\/)(old)?libs$/.test(field('Section')),
    })
  }
  const mayNeed = (one: string, other: string): boolean =>
    all.has(other) &&
    one !== 'libc6' &&
    (!all.get(one)?.isLibrary || all.get(other)?.isLibrary || /-(base|common|data)$/.test(other))
  return new Map(
    [...all].map(([name, info]) => [
      name,
      { ...info, needs: [...new Set(info.needs)].filter((need) => mayNeed(name, need)).sort() },
    ]),
  )
}

/**
 * The packages with everything that they need, each after what it needs. A need that would close a cycle is left out.
 * Throws an `Error` if a name is not in the index.
 */
export const withNeeds = (names: readonly string[], all: Packages): Packages => {
  const packages = new Map<string, Package>()
  const needed = new Map<string, string[]>()
  const open = new Set<string>()
  for (const start of names) {
    if (!all.has(start)) throw new Error(`Debian's index has no package ${start}`)
    const stack = [{ name: start, next: 0 }]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const info = all.get(top.name)
      if (!info) break
      const kept = needed.get(top.name) ?? []
      needed.set(top.name, kept)
      open.add(top.name)
      const need = packages.has(top.name) ? undefined : info.needs[top.next++]
      if (need === undefined) {
        if (!packages.has(top.name)) packages.set(top.name, { ...info, needs: kept })
        open.delete(top.name)
        stack.pop()
      } else if (!open.has(need)) {
        kept.push(need)
        if (!packages.has(need)) stack.push({ name: need, next: 0 })
      }
    }
  }
  return packages
}
