import type { RequestedConfiguration } from './configuration.ts'

/** The files that an image has besides those of its packages, by the input `preset`. */
export type Preset = 'bare' | 'default' | 'job-container'

/** The inputs that the base layer depends on. */
export type BaseLayer = Pick<RequestedConfiguration, 'user' | 'workdir' | 'volumes'> & { readonly preset: Preset }
