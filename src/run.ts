import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildLastLayers, buildStoreLayers, namesOfLinks } from './archive/build-layers.ts'
import { checkLayoutFolder, writeLayout } from './archive/write-layout.ts'
import { assemble } from './assemble.ts'
import type { Context } from './context.ts'
import { closureSize } from './graph/closure.ts'
import type { Inputs } from './inputs.ts'
import { checkPartition } from './layers/partition.ts'
import { popularityLayers } from './layers/popularity.ts'
import { stableLayers } from './layers/stable.ts'
import type { Log } from './log.ts'
import { nixOnPath } from './nix/command.ts'
import { evaluateImage } from './nix/evaluate.ts'
import { realiseImage } from './nix/realise.ts'
import { pinSource, type SourceEndpoints } from './nix/source.ts'
import { formatRepository } from './oci/reference.ts'
import type { Outcome } from './outcome.ts'
import { plan as makePlan } from './plan.ts'
import { findCredentials } from './registry/credentials.ts'
import { pushLayers, pushManifest } from './registry/push.ts'
import { RepositoryClient } from './registry/repository.ts'
import { megabytes } from './report/units.ts'
import { type Timings, timed } from './timings.ts'

/** What a run needs from outside. `secret` masks a value in the log from then on. */
export type Ports = {
  readonly log: Log
  readonly secret: (value: string) => void
  readonly endpoints: SourceEndpoints
}

/**
 * Builds the image and pushes it. Throws a `UserError` for what the user can mend; nothing is pushed then. Temporary files
 * are gone when it returns or throws.
 */
export const run = async (inputs: Inputs, context: Context, ports: Ports): Promise<Outcome> => {
  await mkdir(context.temporary, { recursive: true })
  const temporary = await mkdtemp(join(context.temporary, 'nix-image-'))
  try {
    return await build(inputs, context, ports, temporary)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

const build = async (
  inputs: Inputs,
  context: Context,
  { log, secret, endpoints }: Ports,
  temporary: string,
): Promise<Outcome> => {
  const plan = makePlan(inputs, context)
  const { repository, tags, output } = inputs
  const timings: Timings = {}
  if (output) await checkLayoutFolder(output)
  const credentials = await findCredentials(repository.registry, {
    input: inputs.credentials,
    dockerConfig: context.dockerConfig,
    githubActor: context.actor,
    githubToken: inputs.githubToken,
  })
  const client = new RepositoryClient(repository, credentials, secret)
  if (plan.push) await client.checkAccess()

  const nix = await nixOnPath({ environment: context.childEnvironment, config: inputs.nixConfig, temporary, log })
  log.info((await nix('nix-store', ['--version'])).trim())
  const source = await timed(timings, 'source', () => pinSource(inputs.source, nix, endpoints))
  log.info(`Packages come from ${source.description}`)

  const spec = await log.group('Evaluate and build the packages', () =>
    timed(timings, 'nix', async () =>
      realiseImage(await evaluateImage({ ...plan.evaluation, source }, nix), temporary, nix),
    ),
  )
  const { closure, conflicts, packages } = spec
  log.info(`${packages.length} packages, ${closure.paths.size} store paths, ${megabytes(closureSize(closure))}`)
  for (const { path, winner, loser } of conflicts) log.info(`${path} is from ${winner}; left out is ${loser}`)

  const partition = await timed(timings, 'layers', async () => {
    const layers =
      inputs.layering === 'stable'
        ? stableLayers(closure, plan.layerBudget)
        : popularityLayers(closure, plan.layerBudget, new Map())
    checkPartition(layers, closure, plan.layerBudget)
    return layers
  })

  const names = await namesOfLinks(spec)
  const layers = await timed(timings, 'archive', async () => [
    ...(await buildStoreLayers(partition, closure, plan, temporary)),
    ...(await buildLastLayers(spec, names, plan, temporary)),
  ])
  const image = assemble(layers, names, plan)
  const { digest } = image.manifest.descriptor
  log.info(
    `${layers.length} layers, ${megabytes(layers.reduce((total, { descriptor }) => total + descriptor.size, 0))}`,
  )

  const origins = await log.group(plan.push ? `Push to ${formatRepository(repository)}` : 'No push', async () => {
    if (!plan.push) {
      log.info(plan.notPushed)
      return layers.map(() => 'built' as const)
    }
    return timed(timings, 'push', async () => {
      const origins = await pushLayers(client, layers)
      await pushManifest(client, image, tags)
      log.info(`${formatRepository(repository)}@${digest} is there, as ${tags.join(', ')}`)
      return origins
    })
  })
  if (output) {
    const files = layers.map(({ descriptor, file }) => ({ digest: descriptor.digest, file }))
    await writeLayout(output, image, files, tags)
    log.info(`The image layout is in ${output}`)
  }

  return {
    repository,
    tags,
    pushed: plan.push,
    output,
    source,
    packages,
    conflicts,
    platform: plan.platform,
    image,
    layers: layers.map(({ descriptor, file: _, ...layer }, index) => ({
      ...descriptor,
      ...layer,
      narSize: layer.storePaths.reduce((total, path) => total + (closure.paths.get(path)?.narSize ?? 0), 0),
      origin: origins[index] ?? 'built',
    })),
    closureSize: closureSize(closure),
    uploaded: client.bytesSent,
    requests: client.requests,
    timings,
  }
}
