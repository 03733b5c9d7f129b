import {
  challenge,
  isBlob,
  isManifest,
  isStart,
  isTag,
  plainly,
  type RegistryKind,
  refuses,
  withToken,
} from './registry-kind.ts'
import { type Answer, type Asked, error } from './strict-registry.ts'

/** Refuses whoever sends something back, and who says nothing: Harbor takes both for a browser. */
const csrf = (): Answer => error(403, 'FORBIDDEN', 'CSRF token invalid')

/** Tells what it wants only at the beginning of the API. */
const quiet = (refusal: () => Answer) => () => {
  const answers = withToken(() => false, challenge)
  return {
    answers: (asked: Asked): Answer | undefined =>
      asked.headers.authorization || asked.path === '/v2/' || asked.path.startsWith('/token?')
        ? answers(asked)
        : refusal(),
  }
}

/** Registries that people run themselves, or have run for them. */
export const ownRegistries: readonly RegistryKind[] = [
  {
    registry: 'Harbor',
    wants: 'a project that is there, and a member of it who may push; else 401 `unauthorized to access repository`',
    does: 'names the project',
    reports: ['goharbor/harbor#966', 'goharbor/harbor#20544', 'goharbor/harbor#21373'],
    play: refuses(
      isStart,
      error(
        401,
        'UNAUTHORIZED',
        'unauthorized to access repository: tools, action: push: unauthorized to access repository: tools, action: push',
      ),
    ),
    says: 'HOST says "unauthorized to access repository: tools, action: push: unauthorized to access repository: tools, action: push"; make the project tools there if there is none, and give me a role in it that may push.',
  },
  {
    registry: 'Harbor',
    wants: 'no more than the quota of the project, which it tells after a blob is sent',
    does: 'tells what it says, and does not try again',
    reports: ['goharbor/harbor#8802', 'goharbor/harbor#17390'],
    play: refuses(
      isBlob,
      error(
        403,
        'DENIED',
        'adding 29.0 MiB of storage resource, which when updated to current usage of 152.4 MiB will exceed the configured upper limit of 10.0 MiB.',
      ),
    ),
    says: 'HOST says "adding 29.0 MiB of storage resource, which when updated to current usage of 152.4 MiB will exceed the configured upper limit of 10.0 MiB."; delete images there, or have the quota raised.',
  },
  {
    registry: 'Harbor',
    wants: '412 `configured as immutable`',
    does: 'advises another tag, or other settings',
    reports: ['goharbor/harbor#9427', 'goharbor/harbor#9837'],
    play: refuses(
      isTag,
      error(412, 'PRECONDITION', "Failed to process request due to 'tools:v1' configured as immutable."),
    ),
    says: "HOST does not let a tag of HOST/tools move (it says \"Failed to process request due to 'tools:v1' configured as immutable.\"); set a new tag in `tags`, or let tags move in the registry's settings.",
  },
  {
    registry: 'Harbor',
    wants: 'no cookie to be sent back: who does is taken for a browser, and gets 403 `CSRF token invalid`',
    does: 'sends no cookies',
    reports: ['openai/tart#295', 'dotnet/sdk#37221'],
    play: () => {
      const answers = withToken(() => false, challenge)
      const cookie = { 'set-cookie': 'sid=1; Path=/; HttpOnly' }
      return {
        answers: (asked) => {
          if (asked.headers.cookie) return csrf()
          const answer = answers(asked)
          return answer && { ...answer, headers: { ...answer.headers, ...cookie } }
        },
      }
    },
  },
  {
    registry: 'Harbor, Artifactory',
    wants:
      'the first request to be to `/v2/`: it answers 403 to others without authorization, and does not say what it wants',
    does: 'asks there after such a 403',
    reports: ['goharbor/harbor#11682', 'vmware/vic#6831'],
    play: quiet(csrf),
  },
  {
    registry: 'Quay',
    wants:
      'a repository that is there, where a robot pushes; else 401 `access to the requested resource is not authorized`',
    does: 'says so',
    reports: ['jaegertracing/jaeger#2498', 'operator-framework/operator-sdk#1337'],
    play: refuses(isStart, error(401, 'UNAUTHORIZED', 'access to the requested resource is not authorized', {})),
    says: 'HOST says "access to the requested resource is not authorized"; make that repository there first, and let me write to it.',
  },
  {
    registry: 'Quay',
    wants: 'no more than the quota of the namespace: 403 `Quota has been exceed on namespace`',
    does: 'tells what it says',
    reports: ['quay/quay#1048', 'quay/quay#2282'],
    play: refuses(isManifest, error(403, 'DENIED', 'Quota has been exceed on namespace', {})),
    says: 'HOST says "Quota has been exceed on namespace"; delete images there, or have the quota raised.',
  },
  {
    registry: 'Quay, Nexus',
    wants: 'one writer at a time: the other one gets 400, and what it sent is there',
    does: 'looks whether it is there, and goes on',
    reports: ['GoogleContainerTools/jib#2470', 'sonatype/nexus-public#967'],
    play: (registry) => ({
      refusesCommits: true,
      answers: plainly(isBlob, ({ body }) => {
        registry().add(body)
        return error(400, 'BLOB_UPLOAD_INVALID', 'blob upload invalid')
      }),
    }),
  },
  {
    registry: 'Quay, zot',
    wants: "media types of OCI alone: Docker's in a manifest or an index are refused",
    does: 'uses those of OCI',
    reports: ['openshift/oc-mirror#253', 'project-zot/zot#534', 'project-zot/zot#1385', 'bazel-contrib/rules_oci#87'],
    play: () => ({
      answers: plainly(isManifest, ({ headers, body }) =>
        `${headers['content-type']} ${body}`.includes('vnd.docker')
          ? error(415, 'MANIFEST_INVALID', 'manifest invalid')
          : undefined,
      ),
    }),
  },
  {
    registry: 'GitLab',
    wants: '`access forbidden` from its token server: a token without `write_registry`, or a project that is not there',
    does: 'names both',
    reports: ['getwud/wud#600', 'microsoft/vscode-docker#3321'],
    play: () => ({
      answers: (asked) =>
        asked.path.startsWith('/token?') ? error(403, 'DENIED', 'access forbidden') : challenge(asked),
    }),
    says: 'HOST says "access forbidden"; use a token with `write_registry` of somebody who may push to that project, and write `image` with the group and the project behind the host.',
  },
  {
    registry: 'GitLab',
    wants: 'no blob to be mounted from another repository, which is 401',
    does: 'mounts none',
    reports: ['google/go-containerregistry#220', 'estesp/manifest-tool#53'],
    play: () => ({ answers: plainly((asked) => asked.path.includes('mount='), challenge) }),
  },
  {
    registry: 'Artifactory',
    wants: '"Delete/Overwrite" to move a tag; else `manifest invalid`, with `HTTP 403 Forbidden` in the detail',
    does: 'names that permission',
    reports: ['GoogleContainerTools/kaniko#1095', 'conan-io/conan#6193'],
    play: refuses(isTag, error(403, 'MANIFEST_INVALID', 'manifest invalid', { description: 'HTTP 403 Forbidden' })),
    says: 'HOST says "manifest invalid (HTTP 403 Forbidden)"; let me overwrite what is there ("Delete/Overwrite"), or set a new tag in `tags`.',
  },
  {
    registry: 'Artifactory',
    wants: '"Deploy/Cache" to push; else `User is unauthorized to upload to …`',
    does: 'names that permission',
    reports: ['jfrog/teamcity-artifactory-plugin#177'],
    play: refuses(isStart, error(403, 'DENIED', 'User is unauthorized to upload to docker-local/tools/_uploads')),
    says: 'HOST says "User is unauthorized to upload to docker-local/tools/_uploads"; let me write to that repository ("Deploy/Cache").',
  },
  {
    registry: 'Artifactory',
    wants: 'the key of the repository before the name of the image, where no proxy adds it',
    does: 'says how to write `image`',
    reports: ['jfrog/charts#455', 'jfrog/charts#908'],
    play: refuses(isStart, {
      status: 400,
      body: JSON.stringify({
        errors: [{ status: 400, message: "Unsupported docker v2 repository request for 'tools'" }],
      }),
    }),
    says: 'HOST says "Unsupported docker v2 repository request for \'tools\'"; write in `image` the key of the repository too, as in `HOST/KEY/name`.',
  },
]
