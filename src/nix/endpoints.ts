/** Where Nix and sources come from; tests have their own. URLs without a slash at the end. */
export type Endpoints = {
  readonly github: string
  readonly githubApi: string
  readonly channels: string
  readonly releases: string
}

export const publicEndpoints: Endpoints = {
  github: 'https://github.com',
  githubApi: 'https://api.github.com',
  channels: 'https://channels.nixos.org',
  releases: 'https://releases.nixos.org',
}
