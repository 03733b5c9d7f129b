import { pathToFileURL } from 'node:url'
import { UserError } from '../lib/error.ts'
import type { Job } from '../lib/job.ts'
import { redact } from '../lib/redact.ts'
import { urlSecrets } from '../lib/url-secrets.ts'
import { addPackageSet, fetchTarball } from './add-to-store.ts'
import { checkContent } from './check-content.ts'
import { invalidPaths } from './check-validity.ts'
import { explainNix } from './explain.ts'
import { withCommit } from './local-git.ts'
import type { NarHash } from './nar-hash.ts'
import type { Nix } from './nix.ts'
import { downloadPrivateArchive, type GithubAccess } from './private-archive.ts'
import { withRemoteCommit } from './remote-git.ts'
import { type FetchedSource, pinned, refined, type SourceIdentity } from './source.ts'
import { parseStorePath } from './store-path.ts'

type FetchJob = Pick<Job, 'environment' | 'signal' | 'temporary'>

/**
 * Makes a source ready to be evaluated, and pins it. A source whose hash is only claimed is downloaded and hashed, even
 * if the store has a path with that hash. Throws a `UserError` that names a source which cannot be fetched, or which
 * does not have the claimed hash.
 */
export const fetchSource = async (
  identity: SourceIdentity,
  nix: Nix,
  access: GithubAccess,
  job: FetchJob,
): Promise<FetchedSource> => {
  const { fetch } = identity
  const { temporary } = job
  switch (fetch.by) {
    case 'tarball': {
      if (identity.narHash !== undefined) await checkStored(identity.narHash, nix)
      const archive = await downloadPrivateArchive(fetch.url, access, job)
      // If the hash is known, the evaluation downloads the source, unless the store has it. A claimed hash is not
      // enough for that: Nix would download nothing if the store had another source with that hash. Nor can it download
      // what only a token opens, and a URL with a secret cannot be its argument, which everybody on the machine can
      // read: such a source goes into the store here.
      const known = archive === undefined && fetch.url === identity.url ? identity.narHash : undefined
      const url = archive && 'file' in archive ? pathToFileURL(archive.file).href : fetch.url
      const narHash =
        known ??
        (
          await fetching(identity.url, fetchTarball(nix, url, identity.narHash, temporary), fetch.url).catch(
            (error) => {
              throw archive && 'refusal' in archive ? archive.refusal : error
            },
          )
        ).narHash
      checkClaim(identity, narHash)
      return {
        ...pinned({ ...identity, narHash }),
        srcType: fetch.srcType,
        srcArgs: { url: identity.url, sha256: narHash },
      }
    }
    case 'git': {
      const { url, ref, rev } = fetch
      return withRemoteCommit(url, ref, rev, job, (folder, revision) => ofCommit(identity, revision, folder, nix, job))
    }
    case 'local-git': {
      const { url, revision } = fetch
      return withCommit(url, revision, job, (folder) => ofCommit(identity, revision, folder, nix, job))
    }
    case 'path': {
      const stored = await addPackageSet(nix, fetch.path, fetch.ignored, temporary).catch((error) => {
        throw explainNix(error, `${fetch.path} cannot be copied into the Nix store`)
      })
      if (stored.narHash !== identity.narHash)
        throw new UserError(
          `\`nixpkgs\` is ${fetch.path}, which changed while it was copied; let nothing write to it during this step.`,
        )
      return { ...pinned(identity), srcType: identity.type === 'git' ? 'git' : 'path', srcArgs: stored }
    }
  }
}

const ofCommit = async (
  identity: SourceIdentity,
  revision: string,
  folder: string,
  nix: Nix,
  { temporary }: FetchJob,
): Promise<FetchedSource> => {
  const stored = await addPackageSet(nix, folder, [], temporary).catch((error) => {
    throw explainNix(error, `${identity.url} cannot be copied into the Nix store`)
  })
  const { narHash } = stored
  checkClaim({ ...identity, revision }, narHash)
  return { ...pinned(refined(identity, { revision, narHash })), srcType: 'git', srcArgs: stored }
}

const checkStored = async (narHash: NarHash, nix: Nix): Promise<void> => {
  const named = await nix('nix-store', ['--print-fixed-path', '--recursive', 'sha256', narHash, 'source'])
  const path = parseStorePath(named.trim(), 'the path of the source')
  const [invalid] = await invalidPaths([path], nix)
  if (invalid === undefined) checkContent(path, narHash)
}

const checkClaim = ({ claimed, url, revision }: SourceIdentity, narHash: NarHash): void => {
  if (claimed === undefined || claimed === narHash) return
  const what = revision ? `commit ${revision} of ${url}` : url
  throw new UserError(
    `\`nixpkgs\` gives ${what} the hash ${claimed}, but what is fetched has ${narHash}; write the hash that belongs to it, or lock it again with \`nix flake update\`.`,
  )
}

/** Nix's message has the whole URL in it, with its secrets. */
const fetching = <T>(shown: string, work: Promise<T>, url = shown): Promise<T> =>
  work.catch((error) => {
    const explained = explainNix(error, `${shown} cannot be fetched`)
    if (!(explained instanceof UserError)) throw explained
    throw new UserError(redact(explained.message, urlSecrets(url)), { cause: error })
  })
