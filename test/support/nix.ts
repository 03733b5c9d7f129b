import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Nix, nixOnPath } from '../../src/nix/command.ts'
import { type EvaluationRequest, evaluateImage } from '../../src/nix/evaluate.ts'
import type { ImageSpec } from '../../src/nix/image-spec.ts'
import { realiseImage } from '../../src/nix/realise.ts'
import { pinSource, publicEndpoints } from '../../src/nix/source.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { root } from './action.ts'
import { silentLog } from './log.ts'
import { nixConfigFolder } from './test-world.ts'

/** The real Nix, as the action runs it. */
export const testNix = (temporary: string, config = ''): Promise<Nix> =>
  nixOnPath({
    environment: { PATH: process.env['PATH'] ?? '', HOME: temporary, NIX_CONF_DIR: nixConfigFolder },
    config,
    temporary,
    log: silentLog,
  })

export const smallSet = join(root, 'test', 'fixtures', 'small-set')

const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'

/** Evaluates `nix/build-image.nix` for packages of a set, by default the small one. */
export const evaluate = async (
  packages: EvaluationRequest['packages'],
  { set = smallSet, config = {} }: { set?: string; config?: Record<string, unknown> } = {},
): Promise<StorePath> =>
  inTemporaryFolder(async (_, nix) => {
    const source = await pinSource({ type: 'path', path: set }, nix, publicEndpoints)
    const nixDirectory = join(root, 'nix')
    return evaluateImage({ nixDirectory, source, system, nativeSystem: system, config, packages }, nix)
  })

/** The same, and builds it. */
export const build = async (...request: Parameters<typeof evaluate>): Promise<ImageSpec> => {
  const derivation = await evaluate(...request)
  return inTemporaryFolder((folder, nix) => realiseImage(derivation, folder, nix))
}

const inTemporaryFolder = async <T>(work: (folder: string, nix: Nix) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  try {
    return await work(folder, await testNix(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
