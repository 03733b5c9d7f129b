import {
  challenge,
  isManifest,
  isStart,
  isTag,
  plainly,
  type RegistryKind,
  refuses,
  withPassword,
  withToken,
} from './registry-kind.ts'
import { type Answer, error } from './strict-registry.ts'

const immutable = (): Answer =>
  error(
    400,
    'TAG_INVALID',
    "The image tag 'v1' already exists in the 'tools' repository and cannot be overwritten because the repository is immutable.",
  )

/** Registries of GitHub, Docker and Amazon. */
export const publicRegistries: readonly RegistryKind[] = [
  {
    registry: 'GHCR',
    wants:
      '`installation not allowed to Create organization package` (or `Write`): for a job without `packages: write`, another owner, and by settings of the organization',
    does: 'names all three',
    reports: [
      'pinchbench/skill#17',
      'docker/build-push-action#606',
      'open-policy-agent/gatekeeper#3697',
      'airbus/sen#173',
    ],
    play: refuses(isStart, error(403, 'DENIED', 'installation not allowed to Create organization package')),
    says: 'HOST says "installation not allowed to Create organization package"; give the job `permissions: packages: write`, and if it has that, see that `image` is under the owner of the workflow\'s repository, and that the settings of the organization let workflows create and write packages.',
  },
  {
    registry: 'GHCR',
    wants:
      '`permission_denied: write_package`: the package was made by somebody else, or by a repository that was deleted',
    does: 'names "Manage Actions access" of the package',
    reports: ['docker/build-push-action#806', 'danger/danger-js#1414', 'tuna-os/tunaOS#642'],
    play: refuses(isStart, error(403, 'DENIED', 'permission_denied: write_package')),
    says: 'HOST says "permission_denied: write_package"; give the workflow\'s repository the role "Write" under "Manage Actions access" in the settings of the package HOST/tools, and the job `permissions: packages: write`.',
  },
  {
    registry: 'GHCR',
    wants: 'a token with the scope `write:packages`',
    does: 'names the scope',
    reports: ['daltoniam/switchboard#139'],
    play: refuses(
      isStart,
      error(403, 'DENIED', 'permission_denied: The token provided does not match expected scopes.'),
    ),
    says: 'HOST says "permission_denied: The token provided does not match expected scopes."; use a token with the scope `write:packages`, or give no `password`, so that `github-token` is used.',
  },
  {
    registry: 'GHCR',
    wants: '`unauthenticated: User cannot be authenticated with the token provided.`: a token that has expired',
    does: 'says so',
    reports: ['autc04/Retro68#274', 'getwud/wud#219'],
    play: () => ({
      answers: (asked) =>
        asked.path.startsWith('/token?')
          ? error(401, 'UNAUTHORIZED', 'unauthenticated: User cannot be authenticated with the token provided.')
          : challenge(asked),
    }),
    says: 'HOST says "unauthenticated: User cannot be authenticated with the token provided."; the token has expired, or is of another server; use a new one, or give no `password`, so that `github-token` is used.',
  },
  {
    registry: 'Docker Hub',
    wants:
      'a token server that gives tokens to everybody, and then 401 `insufficient_scope` to who may not push, or has another name there than on GitHub',
    does: 'says that the right to write is missing, not the password',
    reports: ['distribution/distribution#2476', 'docker/build-push-action#223', 'microsoft/vscode-docker#4379'],
    play: () => ({ answers: withToken(isStart, challenge) }),
    says: 'HOST does not let me push to HOST/tools; use credentials that may write to it, as a token with the right to write, and check the name in `image`.',
  },
  {
    registry: 'Docker Hub',
    wants: '429 `toomanyrequests`, for hours',
    does: 'asks again for about two minutes, then tells what it says',
    reports: ['docker/hub-feedback#2429', 'docker/docs#21908'],
    play: refuses(isStart, error(429, 'TOOMANYREQUESTS', 'You have reached your pull rate limit.')),
    says: 'HOST limits how often it may be asked (it says "You have reached your pull rate limit."); run the job again later.',
  },
  {
    registry: 'Docker Hub',
    wants: '403 `This tag … cannot be updated due to immutability settings`',
    does: 'advises another tag, or other settings',
    reports: ['kimai/kimai#5791', 'docker/hub-feedback#2466'],
    play: refuses(
      isTag,
      error(
        403,
        'DENIED',
        'requested access to the resource is denied - This tag is already assigned to an image in this repository and cannot be updated due to immutability settings. To push this image, use a different tag.',
      ),
    ),
    says: 'HOST does not let a tag of HOST/tools move (it says "requested access to the resource is denied - This tag is already assigned to an image in this repository and cannot be updated due to immutability settings. To push this image, use a different tag."); set a new tag in `tags`, or let tags move in the registry\'s settings.',
  },
  {
    registry: 'Docker Hub, GitLab',
    wants: 'a new token after five minutes, in the middle of a push',
    does: 'gets one, and sends the same request again',
    reports: ['GoogleContainerTools/jib#691', 'docker/buildx#324', 'moby/moby#33558', 'hobbit-project/platform#16'],
    play: () => ({ answers: withToken(() => false, challenge, 8) }),
  },
  {
    registry: 'ECR',
    wants: 'a repository that is there: it makes none',
    does: 'says so, and where the name may be wrong',
    reports: ['aws-actions/amazon-ecr-login#4', 'aws-actions/amazon-ecr-login#202', 'plexsystems/sinker#55'],
    play: () => ({
      answers: withPassword(isStart, () =>
        error(
          404,
          'NAME_UNKNOWN',
          "The repository with name 'tools' does not exist in the registry with id '123456789012'",
        ),
      ),
    }),
    says: "HOST says \"The repository with name 'tools' does not exist in the registry with id '123456789012'\"; make that repository first, since this registry makes none by itself, and check `image`, where the host of the registry stands only once.",
  },
  {
    registry: 'ECR',
    wants: 'an immutable tag to be put only once, also for the same image',
    does: 'asks what the tag names first, and puts it only if that is another image',
    reports: ['aws/containers-roadmap#2380', 'moby/buildkit#3776', 'docker/build-push-action#1042'],
    play: (registry) => ({ answers: plainly((asked) => isTag(asked) && registry().manifests.has('v1'), immutable) }),
  },
  {
    registry: 'ECR',
    wants: '`The image tag … cannot be overwritten because the repository is immutable`',
    does: 'advises another tag, or other settings',
    reports: ['aws/containers-roadmap#862', 'docker/buildx#663'],
    play: () => ({ answers: withPassword(isTag, immutable) }),
    says: "HOST does not let a tag of HOST/tools move (it says \"The image tag 'v1' already exists in the 'tools' repository and cannot be overwritten because the repository is immutable.\"); set a new tag in `tags`, or let tags move in the registry's settings.",
  },
  {
    registry: 'ECR',
    wants: '`Your authorization token has expired`, after twelve hours',
    does: 'advises to log in again',
    reports: ['aws/aws-cli#6580', 'aws/aws-toolkit-azure-devops#129'],
    play: () => ({
      answers: withPassword(isStart, () =>
        error(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.'),
      ),
    }),
    says: 'HOST says "Your authorization token has expired. Reauthenticate and try again."; log in again in this job, right before this step.',
  },
  {
    registry: 'ECR',
    wants: '`is not authorized to perform: ecr:…`: one of the six actions that a push needs',
    does: 'lists the six',
    reports: [
      'aws-actions/amazon-ecr-login#232',
      'CircleCI-Public/aws-ecr-orb#259',
      'aws-samples/aws-modern-application-workshop#95',
    ],
    play: () => ({
      answers: withPassword(isStart, () =>
        error(
          403,
          'DENIED',
          'User: arn:aws:sts::123456789012:assumed-role/ci/GitHubActions is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-west-2:123456789012:repository/tools because no resource-based policy allows the ecr:InitiateLayerUpload action',
        ),
      ),
    }),
    says: 'HOST says "User: arn:aws:sts::123456789012:assumed-role/ci/GitHubActions is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-west-2:123456789012:repository/tools because no resource-based policy allows the ecr:InitiateLayerUpload action"; allow it in the policy of that role, and `ecr:BatchCheckLayerAvailability`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, `ecr:PutImage` and `ecr:BatchGetImage` for that repository.',
  },
  {
    registry: 'ECR',
    wants:
      'a layer that it has lost is told by the code of a lost upload: `BLOB_UPLOAD_UNKNOWN`, `Layers with digests … do not exist`',
    does: 'looks for each layer, and sends the lost ones again',
    reports: ['oras-project/oras-py#54'],
    play: (registry) => ({
      answers: plainly(isManifest, ({ body }) => {
        const { layers } = JSON.parse(body.toString()) as { layers: { digest: string }[] }
        const puts = registry().requests.filter((line) => /^PUT .*\/manifests\//.test(line))
        if (puts.length === 1) registry().lose(layers[0] ?? 'all')
        const layer = layers.find(({ digest }) => !registry().blobs.has(digest))
        if (!layer) return undefined
        const lost = `Layers with digests '[${layer.digest}]' required for pushing image into repository with name 'tools' in the registry with id '123456789012' do not exist`
        return error(404, 'BLOB_UPLOAD_UNKNOWN', lost)
      }),
    }),
  },
  {
    registry: 'ECR, GitLab',
    wants: 'blobs to be read at a signed address, which answers 403 to `HEAD`',
    does: 'counts a redirect as a blob that is there, and does not follow it',
    reports: ['aws/containers-roadmap#2671', 'moby/moby#50065'],
    play: (registry) => ({
      answers: (asked) => {
        if (asked.path.startsWith('/storage/')) return { status: 403 }
        const [, digest = ''] = /^\/v2\/tools\/blobs\/(sha256:\w+)$/.exec(asked.path) ?? []
        if (asked.method !== 'HEAD' || !registry().blobs.has(digest)) return undefined
        return {
          status: 307,
          headers: { location: `http://localhost:${asked.headers.host?.split(':')[1]}/storage/${digest}` },
        }
      },
    }),
  },
]
