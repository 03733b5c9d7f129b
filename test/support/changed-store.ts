import { randomBytes } from 'node:crypto'
import { chmod, cp, lstat, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Closure } from '../../src/graph/closure.ts'
import { parseNarHash } from '../../src/nix/nar-hash.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { smallSet } from './nix.ts'
import { nixConfigFolder } from './nix-places.ts'
import { output } from './process.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** A package set whose packages are built and may be changed: no other test has the same store paths. */
export type ChangeableSet = AsyncDisposable & {
  /** A folder, for the input `nixpkgs`. */
  readonly set: string
  /** Builds packages with Nix alone, and returns their store paths. */
  readonly realise: (...names: readonly string[]) => Promise<StorePath[]>
  /** Changes a store path for the time of the work, then restores it. */
  readonly changed: <T>(
    path: StorePath,
    change: (path: string) => Promise<unknown>,
    work: () => Promise<T>,
  ) => Promise<T>
}

/**
 * The names of the packages are unique to this set. A package's script, in bash, makes `$out`, and refers to other
 * packages as `${name}`.
 */
export const changeableSet = async (scripts: Readonly<Record<string, string>>): Promise<ChangeableSet> => {
  await using starting = new AsyncDisposableStack()
  const set = starting.use(await temporaryFolder('changeable')).path
  const kept = starting.use(await temporaryFolder('kept')).path
  const token = randomBytes(6).toString('hex')
  await cp(smallSet, join(set, 'small-set'), { recursive: true })
  const packages = Object.entries(scripts).map(
    ([name, script]) => `${name} = derivation {
      name = "${name}-${token}";
      inherit (arguments) system;
      builder = "/bin/bash";
      args = [ "-euc" ''PATH=/usr/bin:/bin; ${script}
        exit'' ];
    };`,
  )
  await writeFile(
    join(set, 'default.nix'),
    `arguments: let small = import ./small-set arguments; own = rec { ${packages.join('\n')} }; in small // own`,
  )
  const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
  const nix = (program: string, ...args: string[]): Promise<string> => output(program, args, { env })
  const arguments_ = '{ system = builtins.currentSystem; config = { }; overlays = [ ]; }'
  const made = new Set<StorePath>()
  const running = starting.move()
  return {
    set,
    realise: async (...names) => {
      const expression = `with import ${set} ${arguments_}; [ ${names.join(' ')} ]`
      const paths = (await nix('nix-build', '--no-out-link', '--expr', expression)).trim().split('\n') as StorePath[]
      for (const path of paths) made.add(path)
      return paths
    },
    changed: async (path, change, work) => {
      const copy = join(kept, path)
      await mkdir(join(copy, '..'), { recursive: true })
      await output('cp', ['--archive', path, copy])
      try {
        await change(path)
        return await work()
      } finally {
        await rm(path, { recursive: true, force: true })
        await output('cp', ['--archive', copy, path])
        await rm(copy, { recursive: true, force: true })
      }
    },
    [Symbol.asyncDispose]: async () => {
      const referrers = await Promise.all(
        [...made].map((path) => nix('nix-store', '--query', '--referrers-closure', path)),
      )
      const all = [...new Set(referrers.flatMap((text) => text.split('\n').filter((line) => line)))]
      // A path that cannot be deleted is in use, and has its old content again.
      await nix('nix-store', '--delete', ...all).catch(() => {})
      await running.disposeAsync()
    },
  }
}

/** Changes the content of a file in the store, but not its size and its times. */
export const rewrite = async (file: string, change: (text: string) => string): Promise<void> => {
  const { mode, atime, mtime } = await lstat(file)
  const text = await readFile(file, 'latin1')
  const changed = change(text)
  if (changed === text || changed.length !== text.length) throw new Error(`${file} is not changed as it should be`)
  await chmod(file, 0o644)
  await writeFile(file, changed, 'latin1')
  await chmod(file, mode)
  await utimes(file, atime, mtime)
}

/** The hashes and sizes of store paths in Nix's database, as a closure has them. */
export const closureInStore = async (paths: readonly StorePath[]): Promise<Pick<Closure, 'paths'>> => {
  const query = async (what: '--hash' | '--size'): Promise<string[]> =>
    (await output('nix-store', ['--query', what, ...paths])).trim().split('\n')
  const [hashes, sizes] = await Promise.all([query('--hash'), query('--size')])
  const infos = paths.map((path, index) => ({
    path,
    narHash: parseNarHash(hashes[index] ?? '', path),
    narSize: Number(sizes[index]),
    closureSize: 0,
    references: [],
  }))
  return { paths: new Map(infos.map((info) => [info.path, info])) }
}
