import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, link, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { newestNixLink, nixConfigFolder, testWorld } from './nix-places.ts'
import { output } from './process.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(testWorld, 'nix-release')
const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'

/** A store path with the newest Nix in Debian, which works on the same store as the older one. */
export type NewestNix = { readonly path: string; readonly bin: string; readonly version: string }

/** Builds Nix from Debian's unstable distribution, on any distribution. */
export const newestNix = async (): Promise<NewestNix> => {
  const debs = await download()
  const [, version = ''] =
    /^nix-bin_([0-9.]+)/.exec((await readdir(debs)).find((name) => name.startsWith('nix-bin_')) ?? '') ?? []
  const args = { system, debs, version }
  const path = await nix('nix-build', [
    join(root, 'test', 'fixtures', 'nix-release'),
    ...['--out-link', newestNixLink],
    ...Object.entries(args).flatMap(([name, value]) => ['--argstr', name, value]),
  ])
  return { path, bin: join(path, 'bin'), version }
}

/** The same as a release tarball, in the form of releases.nixos.org but with our own Nix in it. `sha256` is in hex. */
export const nixReleaseTarball = async (): Promise<{ file: string; sha256: string; version: string }> => {
  const { path, version } = await newestNix()
  const name = `nix-${version}-${system}`
  const file = join(folder, `${path.slice('/nix/store/'.length)}.tar.xz`)
  if (!(await isThere(file))) {
    const temporary = await mkdtemp(join(folder, 'tarball-'))
    await mkdir(join(temporary, name))
    await writeFile(join(temporary, name, '.reginfo'), await nix('nix-store', ['--dump-db', path], ''))
    await writeFile(join(temporary, name, 'install'), '#!/bin/sh\n')
    const rename_ = [`s,^nix/store,${name}/store,`, `s,^\\(\\.reginfo\\|install\\)$,${name}/\\1,`]
    await output('tar', [
      ...['--create', '--use-compress-program', 'xz -1', '--file', join(temporary, 'tarball')],
      ...rename_.flatMap((expression) => ['--transform', expression]),
      ...['--directory', '/', path.slice(1), '--directory', join(temporary, name), '.reginfo', 'install'],
    ])
    await rename(join(temporary, 'tarball'), file)
    await rm(temporary, { recursive: true })
  }
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return { file, sha256: hash.digest('hex'), version }
}

const nix = async (program: string, args: readonly string[], ending = '\n'): Promise<string> => {
  const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
  const text = await output(program, args, { env })
  return ending ? text.trimEnd() : text
}

/** A folder with the .deb files of Nix and of the libraries that it needs. */
const download = async (): Promise<string> => {
  const debs = join(folder, 'debs')
  if (await isThere(debs)) return debs
  await mkdir(folder, { recursive: true })
  const apt = await mkdtemp(join(folder, 'apt-'))
  for (const name of ['lists', 'cache']) await mkdir(join(apt, name, 'partial'), { recursive: true })
  await mkdir(join(apt, 'cache', 'archives', 'partial'), { recursive: true })
  await writeFile(join(apt, 'status'), '')
  const { site, suite, components, keyring } = await newestDistribution()
  await writeFile(join(apt, 'sources'), `deb [signed-by=${keyring}] ${site} ${suite} ${components}\n`)
  await writeFile(
    join(apt, 'apt.conf'),
    Object.entries({
      'Dir::State::lists': join(apt, 'lists'),
      'Dir::State::status': join(apt, 'status'),
      'Dir::Cache': join(apt, 'cache'),
      'Dir::Etc::sourcelist': join(apt, 'sources'),
      'Dir::Etc::sourceparts': '/dev/null',
      'APT::Install-Recommends': 'false',
    })
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  )
  const env = { ...process.env, APT_CONFIG: join(apt, 'apt.conf') }
  await output('apt-get', ['update'], { env })
  await output('apt-get', ['install', '--download-only', '--yes', 'nix-bin'], { env })
  const wanted = join(apt, 'debs')
  await mkdir(wanted)
  const archives = join(apt, 'cache', 'archives')
  for (const name of await readdir(archives))
    if (/^(lib|nix-bin|zlib1g).*\.deb$/.test(name))
      await link(join(archives, name), join(wanted, name.replaceAll('%3a', '-')))
  // Another process may have been faster.
  await rename(wanted, debs).catch(() => {})
  await rm(apt, { recursive: true })
  return debs
}

/** The distribution in development, from the server of this machine's packages. */
const newestDistribution = async (): Promise<Record<'site' | 'suite' | 'components' | 'keyring', string>> => {
  const sites = async (origin: string): Promise<string[]> => {
    const list = await output('apt-get', [
      'indextargets',
      '--format',
      '$(SITE)',
      'Created-By: Packages',
      `Origin: ${origin}`,
    ])
    return list.split('\n').filter((site) => site !== '' && !site.includes('security'))
  }
  const keyring = (name: string): string => `/usr/share/keyrings/${name}-archive-keyring.gpg`
  const [debian] = await sites('Debian')
  if (debian) return { site: debian, suite: 'sid', components: 'main', keyring: keyring('debian') }
  const [ubuntu] = await sites('Ubuntu')
  if (ubuntu) return { site: ubuntu, suite: 'devel', components: 'main universe', keyring: keyring('ubuntu') }
  throw new Error('apt has no source of Debian or Ubuntu to take the newest Nix from; run `apt-get update`')
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
