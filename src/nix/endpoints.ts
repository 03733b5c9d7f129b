/** The servers of Nix and of sources; tests have their own. URLs without a slash at the end. */
export type Endpoints = {
  readonly github: string
  readonly githubApi: string
  /** The GitHub that the workflow runs on. The workflow's token goes to this server only. */
  readonly ownGithub: string
  readonly channels: string
  readonly releases: string
}

/** The public servers, for a workflow on github.com. */
export const publicEndpoints: Endpoints = {
  github: 'https://github.com',
  githubApi: 'https://api.github.com',
  ownGithub: 'https://github.com',
  channels: 'https://channels.nixos.org',
  releases: 'https://releases.nixos.org',
}
