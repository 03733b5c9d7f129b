import { formatRepository, type Repository } from '../oci/reference.ts'
import type { RegistryError } from './error.ts'

/** Whom the registry refuses: the repository, and the user name of the credentials. */
type Refused = { readonly repository: Repository; readonly username: string }

/** Words of a registry whose reason is known, by public reports; docs/registries.md has them. */
type KnownRefusal = { readonly says: RegExp; readonly advice: (refused: Refused) => string }

const knownRefusals: readonly KnownRefusal[] = [
  {
    says: /installation not allowed to (create|write) organization package/i,
    advice: () =>
      "give the job `permissions: packages: write`, and if it has that, see that `image` is under the owner of the workflow's repository, and that the settings of the organization let workflows create and write packages",
  },
  {
    says: /permission_denied: write_package/i,
    advice: ({ repository }) =>
      `give the workflow's repository the role "Write" under "Manage Actions access" in the settings of the package ${formatRepository(repository)}, and the job \`permissions: packages: write\``,
  },
  {
    says: /token provided does not match expected scopes/i,
    advice: () => 'use a token with the scope `write:packages`, or give no `password`, so that `github-token` is used',
  },
  {
    says: /user cannot be authenticated with the token provided/i,
    advice: () =>
      'the token has expired, or is of another server; use a new one, or give no `password`, so that `github-token` is used',
  },
  {
    says: /authorization token has expired/i,
    advice: () => 'log in again in this job, right before this step',
  },
  {
    says: /not authorized to perform: ?ecr/i,
    advice: () =>
      'allow it in the policy of that role, and `ecr:BatchCheckLayerAvailability`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, `ecr:PutImage` and `ecr:BatchGetImage` for that repository',
  },
  {
    says: /the repository with name .* does not exist in the registry/i,
    advice: () =>
      'make that repository first, since this registry makes none by itself, and check `image`, where the host of the registry stands only once',
  },
  {
    says: /exceeds? the configured upper limit|quota (has been |is )?exceed/i,
    advice: () => 'delete images there, or have the quota raised',
  },
  {
    says: /unauthorized to access repository: .*, action: push/i,
    advice: ({ repository: { name }, username }) =>
      `make the project ${name.split('/')[0]} there if there is none, and give ${username} a role in it that may push`,
  },
  {
    says: /access to the requested resource is not authorized/i,
    advice: ({ username }) => `make that repository there first, and let ${username} write to it`,
  },
  {
    says: /currently read-only/i,
    advice: () => 'run the job again when it takes images again',
  },
  {
    says: /access forbidden/i,
    advice: () =>
      'use a token with `write_registry` of somebody who may push to that project, and write `image` with the group and the project behind the host',
  },
  {
    says: /MANIFEST_INVALID.*HTTP 403 Forbidden|not enough permissions to overwrite/i,
    advice: ({ username }) =>
      `let ${username} overwrite what is there ("Delete/Overwrite"), or set a new tag in \`tags\``,
  },
  {
    says: /unauthorized to upload to/i,
    advice: ({ username }) => `let ${username} write to that repository ("Deploy/Cache")`,
  },
  {
    says: /unsupported docker v2 repository request/i,
    advice: ({ repository: { registry } }) =>
      `write in \`image\` the key of the repository too, as in \`${registry}/KEY/name\``,
  },
]

/** What to do about a refusal with well-known words; `undefined` for others. */
export const knownAdvice = ({ code = '', detail }: RegistryError, refused: Refused): string | undefined =>
  knownRefusals.find(({ says }) => says.test(`${code} ${detail}`))?.advice(refused)
