import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeLayer } from '../src/archive/layer.ts'
import { tar } from '../src/archive/tar.ts'
import { storePathsTree } from '../src/archive/tree.ts'
import type { StorePath } from '../src/nix/store-path.ts'
import { debianSet } from '../test/support/debian-set.ts'
import { nixConfigFolder } from '../test/support/nix-places.ts'
import prepareTestWorld from '../test/support/test-world.ts'
import { type Contender, compare } from './measure.ts'

/** Packing and compressing a closure as one layer, beside tar with pigz or zstd doing the same work. */

await prepareTestWorld()
const set = await debianSet({ large: true })
const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
const nix = (program: string, ...args: string[]): string[] =>
  execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trimEnd()
    .split('\n')
const expression = `with import ${set} { system = builtins.currentSystem; config = { }; overlays = [ ]; }; [ gcc python3 git perl ]`
const roots = nix('nix-build', '--no-out-link', '--expr', expression)
const paths = nix('nix-store', '--query', '--requisites', ...roots) as StorePath[]
const files = execFileSync('find', [...paths, '-type', 'f'], { maxBuffer: 1 << 28, encoding: 'utf8' }).split(
  '\n',
).length
const bytes = nix('nix-store', '--query', '--size', ...paths).reduce((total, size) => total + Number(size), 0)
console.log(
  `${paths.length} store paths, ${files} files, ${(bytes / 1e6).toFixed(0)} MB, ${availableParallelism()} cores`,
)

const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))
const file = join(folder, 'layer')
const shell = (compressor: string) => async () => {
  const script = `tar --create --sort name --mtime @1 --owner 0 --group 0 --numeric-owner -C / "\${@#/}" | tee >(sha256sum >&2) | ${compressor} | tee >(sha256sum >&2) > "$0"`
  execFileSync('bash', ['-c', script, file, ...paths], { stdio: ['ignore', 'ignore', 'ignore'] })
}
const ours = (algorithm: 'gzip' | 'zstd' | 'none', level: number) => async () =>
  void (await writeLayer(tar(storePathsTree(paths)), file, { algorithm, level }))

const rows: [string, Contender, Contender][] = [
  [
    'gzip -6',
    { name: 'tar | pigz', work: shell(`pigz -6 -p${availableParallelism()}`) },
    { name: 'this action', work: ours('gzip', 6) },
  ],
  [
    'zstd -3',
    { name: 'tar | zstd', work: shell(`zstd -3 -T${availableParallelism()}`) },
    { name: 'this action', work: ours('zstd', 3) },
  ],
  ['none', { name: 'tar', work: shell('cat') }, { name: 'this action', work: ours('none', 0) }],
]
for (const [title, peer, own] of rows) await compare(title, [peer, own], 3)
await rm(folder, { recursive: true })
