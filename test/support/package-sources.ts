import { execFileSync } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type Endpoints, publicEndpoints } from '../../src/nix/endpoints.ts'
import type { NarHash } from '../../src/nix/nar-hash.ts'
import { pin, smallSet } from './nix.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { startWebServer, type WebServer } from './web-server.ts'

/** The small set in every form in which `nixpkgs` can name a package set. `folder` has its git repository in `set`. */
export type PackageSources = AsyncDisposable & {
  readonly folder: string
  readonly server: WebServer
  /** The endpoints of NixOS and GitHub, all on `server`. */
  readonly endpoints: Endpoints
  readonly revision: string
  readonly narHash: NarHash
}

export const startPackageSources = async (): Promise<PackageSources> => {
  const temporary = await temporaryFolder('sources')
  const folder = temporary.path
  const set = join(folder, 'set')
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', set, '-c', 'user.name=n', '-c', 'user.email=e', ...args], { encoding: 'utf8' }).trim()
  await cp(smallSet, set, { recursive: true })
  git('init', '--quiet', '--initial-branch', 'main')
  git('add', '.')
  git('commit', '--quiet', '--message', 'the set')
  const revision = git('rev-parse', 'HEAD')
  git('branch', 'release/25.11')
  git('update-server-info')

  const archive = join(folder, 'set.tar.gz')
  execFileSync('tar', ['--create', '--gzip', '--file', archive, '--directory', folder, '--exclude', '.git', 'set'])
  const truncated = join(folder, 'truncated.tar.gz')
  execFileSync('bash', ['-c', 'head --bytes 300 "$1" > "$2"', '-', archive, truncated])
  const server = await startWebServer({
    '/set.tar.gz': { file: archive },
    '/truncated.tar.gz': { file: truncated },
    [`/NixOS/nixpkgs/archive/${revision}.tar.gz`]: { file: archive },
    [`/somebody/set/archive/${revision}.tar.gz`]: { file: archive },
    '/repos/somebody/set/commits/release/25.11': revision,
    '/nixos-25.11/git-revision': `${revision}\n`,
    '/nixos-broken/git-revision': '<html>',
    '/git/': { folder: join(set, '.git') },
  })
  return {
    folder,
    server,
    endpoints: {
      ...publicEndpoints,
      github: server.url,
      githubApi: server.url,
      ownGithub: server.url,
      channels: server.url,
    },
    revision,
    narHash: (await pin({ type: 'path', path: set })).narHash,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}
