import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { output } from './process.ts'

/** Debian's name for an architecture. */
type Architecture = 'amd64' | 'arm64'

/**
 * `folder` contains the sets, one folder each, and the downloads. A set can be for several architectures (default: this
 * machine's). `large` adds a C compiler and the whole of Python and Perl, `more` the Debian packages of these names.
 */
export type DebianSetOptions = {
  readonly folder?: string
  readonly architectures?: readonly Architecture[]
  readonly large?: boolean
  readonly more?: readonly string[]
}

const systems: Record<Architecture, string> = { amd64: 'x86_64-linux', arm64: 'aarch64-linux' }
const native: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'

const root = resolve(import.meta.dirname, '..', '..')
const fixture = join(root, 'test', 'fixtures', 'debian-set')
const fixtureFiles = ['build-deb.sh', 'default.nix', 'nix-ld.c', 'settle.sh']

const words = (text: string) => text.split(/\s+/)
const small = words(`bash ca-certificates coreutils curl dash file findutils git grep gzip hello jq less moreutils nano
  netbase nodejs perl-base python3-minimal python3-six sed tar tree zstd`)
const large = [...small, 'gcc', 'libc6-dev', 'perl', 'python3'].sort()

/** Packages that dpkg needs while it installs, or that Debian as a whole needs, but no program does. */
const leftOut = new Set(words('adduser base-files debconf debianutils dpkg init-system-helpers install-info ucf'))

/**
 * Makes the package set of `test/fixtures/debian-set` from Debian packages in the versions that apt has now, and
 * returns its folder. A folder never changes: other versions, another list or another generator make another folder. If
 * the folder exists already, only apt's lists are read. Several callers may do this at the same time. Throws an `Error`
 * if apt does not know or cannot download a package.
 */
export const debianSet = async (options: DebianSetOptions = {}): Promise<string> => {
  const folder = resolve(options.folder ?? join(root, '.cache', 'test-world', 'debian-set'))
  // The others stay first: cycles are cut by the order.
  const wanted = [...(options.large ? large : small), ...(options.more ?? [])]
  const architectures = [...new Set(options.architectures ?? [native])].sort()
  const apts = await Promise.all(architectures.map((architecture) => aptFor(architecture, folder)))
  try {
    return await makeSet(apts, wanted, folder)
  } catch {
    // The lists may be missing, or so old that their packages are gone. If one of many sources fails, that does no
    // harm.
    const updates = await Promise.allSettled(apts.map((apt) => apt.update()))
    const failed = updates.find((update) => update.status === 'rejected')
    return makeSet(apts, wanted, folder).catch((error: Error) => {
      throw new Error(`The package set cannot be made: ${error.message}`, { cause: failed?.reason ?? error })
    })
  }
}

const makeSet = async (apts: readonly Apt[], wanted: readonly string[], folder: string): Promise<string> => {
  const lists = await Promise.all(apts.map((apt) => resolvePackages(apt, wanted)))
  const json = JSON.stringify(
    Object.fromEntries(apts.map((apt, index) => [apt.system, { wanted, packages: lists[index] }])),
  )
  const target = join(folder, await keyOf(json))
  if (existsSync(target)) return target

  await mkdir(join(folder, 'debs'), { recursive: true })
  for (const [index, apt] of apts.entries()) await download(apt, lists[index] ?? {}, folder)
  await inFolder(folder, async (temporary) => {
    await mkdir(join(temporary, 'debs'))
    await writeFile(join(temporary, 'set.json'), json)
    for (const file of fixtureFiles) await copyFile(join(fixture, file), join(temporary, file))
    for (const deb of new Set(lists.flatMap((list) => Object.values(list).map((entry) => entry.deb))))
      await link(join(folder, 'debs', deb), join(temporary, 'debs', deb))
    await rename(temporary, target).catch((error: unknown) => {
      // Another process was faster.
      if (!existsSync(target)) throw error
    })
  })
  return target
}

const keyOf = async (json: string): Promise<string> => {
  const hash = createHash('sha256').update(json)
  for (const file of [...fixtureFiles.map((name) => join(fixture, name)), import.meta.filename])
    hash.update('\0').update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

/** apt's programs, with arguments that make them ignore the packages that are installed here. */
type Apt = {
  readonly system: string
  readonly run: (program: 'apt-get' | 'apt-cache', args: readonly string[], cwd?: string) => Promise<string>
  readonly update: () => Promise<unknown>
}

const aptFor = async (architecture: Architecture, folder: string): Promise<Apt> => {
  const state = join(folder, 'apt', architecture)
  await mkdir(join(state, 'lists', 'partial'), { recursive: true })
  await mkdir(join(state, 'cache', 'archives', 'partial'), { recursive: true })
  await writeFile(join(state, 'status'), '', { flag: 'a' })
  const settings = [
    `Dir::State::status=${join(state, 'status')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    // Debian's images turn these caches off, and every call then takes half a second longer.
    'Dir::Cache::pkgcache=pkgcache.bin',
    'Dir::Cache::srcpkgcache=srcpkgcache.bin',
    // apt would run as another user, who may not write here.
    'APT::Sandbox::User=root',
  ]
  if (architecture !== native)
    settings.push(
      ...['APT::Architecture', 'APT::Architectures'].map((name) => `${name}=${architecture}`),
      `Dir::State::lists=${join(state, 'lists')}`,
    )
  const options = settings.flatMap((setting) => ['-o', setting])
  const env = { ...process.env, LC_ALL: 'C' }
  return {
    system: systems[architecture],
    run: (program, args, cwd = folder) => output(program, [...options, ...args], { env, cwd }),
    // Two updates cannot run at the same time, so the second one waits.
    update: () => output('flock', [join(state, 'lock'), 'apt-get', ...options, '-qq', 'update'], { env }),
  }
}

/** An entry of `set.json`: what `default.nix` needs to know about a package. */
type Package = {
  readonly version: string
  readonly deb: string
  readonly sha256: string
  readonly depends: readonly string[]
  readonly description: string
  readonly homepage?: string
}

const resolvePackages = async (apt: Apt, wanted: readonly string[]): Promise<Record<string, Package>> => {
  const plan = await apt.run('apt-get', ['-qq', '--print-uris', '--no-install-recommends', 'install', ...wanted])
  const chosen = [...plan.matchAll(/^'.*' ([^_]+)_([^_]+)_/gm)].map(
    ([, name, version = '']) => `${name}=${decodeURIComponent(version)}`,
  )
  const text = await apt.run('apt-cache', ['show', '--no-all-versions', ...chosen])
  const all = text.split(/\n\n+/).map(readRecord)
  const records = new Map(all.map((record) => [record('Package'), record]))
  const depends = withoutCycles(wanted, (name) => dependsOf(name, records))
  return Object.fromEntries(
    [...depends.keys()].sort().map((name) => {
      const record = records.get(name) ?? readRecord('')
      const [version, homepage] = [record('Version'), record('Homepage')]
      const entry: Package = {
        version: upstreamVersion(version),
        deb: cleanName(`${name}_${version}_${record('Architecture')}.deb`),
        sha256: record('SHA256'),
        depends: depends.get(name) ?? [],
        description: record('Description') || record('Description-en'),
        ...(homepage && { homepage }),
      }
      return [name, entry]
    }),
  )
}

/** Returns a field of one package in apt's list, or the empty text if the package has no such field. */
type DebianRecord = (field: string) => string

const readRecord = (text: string): DebianRecord => {
  const fields = new Map([...text.matchAll(/^([\w-]+): *(.*)$/gm)].map(([, field = '', value = '']) => [field, value]))
  return (field) => fields.get(field) ?? ''
}

const packageName = (relation: string): string => relation.trim().replace(/[\s:(].*$/, '')

const dependsOf = (name: string, records: ReadonlyMap<string, DebianRecord>): string[] => {
  // libc6 depends on libraries that need libc6 itself.
  if (name === 'libc6') return []
  const record = records.get(name) ?? readRecord('')
  const provider = (wanted: string) =>
    records.has(wanted)
      ? wanted
      : [...records].find(([, other]) => other('Provides').split(',').map(packageName).includes(wanted))?.[0]
  const declared = [record('Pre-Depends'), record('Depends')]
    .flatMap((field) => field.split(','))
    .map((relation) => relation.split('|').map(packageName).map(provider).find(Boolean))
  return [...new Set([...declared, ...undeclared(name).filter((other) => records.has(other))])]
    .filter((other) => other !== undefined)
    .filter((other) => other !== name && !leftOut.has(other))
    .sort()
}

/** Packages that `settle.sh` needs to make these programs work alone. */
const undeclared = (name: string): string[] => {
  if (name === 'perl-base') return ['bash']
  if (/^gcc-\d+$/.test(name)) return ['libc6-dev']
  return /^python3\.\d+-minimal$/.test(name) ? [`lib${name.replace('minimal', 'stdlib')}`] : []
}

/**
 * All packages that `wanted` leads to, with the dependencies of each. A dependency that would close a cycle is left
 * out: the search starts at programs, so it is a library that has to do without its program.
 */
const withoutCycles = (wanted: readonly string[], depends: (name: string) => string[]): Map<string, string[]> => {
  const done = new Map<string, string[]>()
  const open = new Set<string>()
  const visit = (name: string): void => {
    if (done.has(name)) return
    open.add(name)
    const kept = depends(name).filter((other) => !open.has(other))
    kept.forEach(visit)
    open.delete(name)
    done.set(name, kept)
  }
  wanted.forEach(visit)
  return done
}

/** `1:2.39.5+dfsg-0+deb12u3` is 2.39.5. */
const upstreamVersion = (version: string): string => version.replace(/^\d+:/, '').replace(/([+~].*|-[^-]*)$/, '')

const cleanName = (file: string): string => file.replaceAll(/[^\w.+-]/g, '-')

const download = async (apt: Apt, packages: Record<string, Package>, folder: string): Promise<void> => {
  const debs = new Set(await readdir(join(folder, 'debs')))
  const missing = Object.keys(packages).filter((name) => !debs.has(packages[name]?.deb ?? ''))
  if (missing.length === 0) return
  await inFolder(folder, async (temporary) => {
    await apt.run('apt-get', ['-qq', 'download', ...missing], temporary)
    for (const file of await readdir(temporary))
      await rename(join(temporary, file), join(folder, 'debs', cleanName(decodeURIComponent(file))))
  })
}

const inFolder = async (parent: string, work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(parent, 'new-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { large: { type: 'boolean', default: false }, architecture: { type: 'string', multiple: true } },
  })
  const architectures = (values.architecture ?? [native]).filter((name): name is Architecture => name in systems)
  const [folder] = positionals
  console.log(await debianSet({ architectures, large: values.large, ...(folder && { folder }) }))
}
