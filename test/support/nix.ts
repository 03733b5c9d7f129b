import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Closure, checkClosure } from '../../src/graph/closure.ts'
import type { Job } from '../../src/lib/job.ts'
import { publicEndpoints } from '../../src/nix/endpoints.ts'
import { type EvaluatedImage, type EvaluationRequest, evaluateImage } from '../../src/nix/evaluate.ts'
import { fetchSource } from '../../src/nix/fetch-source.ts'
import { identifySource } from '../../src/nix/identify-source.ts'
import type { ImageSpec } from '../../src/nix/image-spec.ts'
import { configureNix, type Nix } from '../../src/nix/nix.ts'
import type { GithubAccess } from '../../src/nix/private-archive.ts'
import { realiseImage } from '../../src/nix/realise.ts'
import type { NixAccess } from '../../src/nix/sandbox.ts'
import type { FetchedSource } from '../../src/nix/source.ts'
import type { SourceReference } from '../../src/nix/source-reference.ts'
import type { StorePath } from '../../src/nix/store-path.ts'
import { root } from './action.ts'
import { silentLog } from './log.ts'
import { nixConfigFolder, pathWithNix, testSandbox } from './nix-places.ts'

export const smallSet = join(root, 'test', 'fixtures', 'small-set')

const system = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux'

/** Makes each run build anew with a sandbox: a path that was built without one would prove nothing about it. */
const nonce = `${process.pid}-${performance.timeOrigin}`

export type SourceTools = GithubAccess &
  Pick<Job, 'environment' | 'log' | 'secret' | 'signal' | 'temporary'> & {
    readonly nix: Nix
    readonly access: NixAccess
  }

/**
 * Does the work with the real Nix, as the action runs it, and with a temporary folder that is removed afterwards.
 * `remote` is a store other than the machine's.
 */
export const withNix = async <T>(
  work: (nix: Nix, tools: SourceTools) => Promise<T>,
  config = '',
  remote?: string,
): Promise<T> => {
  const temporary = await mkdtemp(join(tmpdir(), 'nix-image-action-test-'))
  const environment = {
    PATH: pathWithNix(),
    HOME: temporary,
    NIX_CONF_DIR: nixConfigFolder,
    ...(remote && { NIX_REMOTE: remote }),
  }
  const { signal } = new AbortController()
  try {
    const { inEnvironment, configFiles } = await configureNix(config, {
      environment,
      temporary,
      signal,
      log: silentLog,
    })
    const nix = inEnvironment(environment)
    const access = { nix, environment, inEnvironment, configFiles, sandbox: testSandbox(), secretFolders: [temporary] }
    return await work(nix, {
      ...{
        nix,
        access,
        endpoints: publicEndpoints,
        environment,
        temporary,
        signal,
        githubToken: undefined,
        log: silentLog,
        secret: () => {},
      },
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

const pinSource = async (source: SourceReference, tools: SourceTools): Promise<FetchedSource> =>
  fetchSource(await identifySource(source, tools, tools), tools.nix, tools, tools)

export const pin = (source: SourceReference, tools: Partial<SourceTools> = {}): Promise<FetchedSource> =>
  withNix((_, defaults) => pinSource(source, { ...defaults, ...tools }))

/** Evaluates `nix/build-image.nix` for packages of a source, by default the small set. */
export const evaluateImageOf = async (
  packages: EvaluationRequest['packages'],
  { source, config = {} }: { source?: FetchedSource; config?: Record<string, unknown> } = {},
): Promise<EvaluatedImage> =>
  withNix(async (nix, tools) =>
    evaluateImage(
      {
        nixDirectory: join(root, 'nix'),
        source: source ?? (await pinSource({ type: 'path', path: smallSet }, tools)),
        system,
        nativeSystem: system,
        config: testSandbox() === 'off' ? config : { ...config, nonce },
        packages,
      },
      nix,
    ),
  )

export const evaluate = async (...request: Parameters<typeof evaluateImageOf>): Promise<StorePath> =>
  (await evaluateImageOf(...request)).derivation

/** Evaluates the same, and builds it. */
export const build = async (
  ...request: Parameters<typeof evaluateImageOf>
): Promise<ImageSpec & { closure: Closure }> => {
  const image = await evaluateImageOf(...request)
  const spec = await withNix((_, { access, ...tools }) => realiseImage(image, access, tools))
  return { ...spec, closure: checkClosure(spec.runtimeGraph, spec.roots) }
}
