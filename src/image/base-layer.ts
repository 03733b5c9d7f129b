import type { RequestedConfiguration } from './configuration.ts'

/** Which files an image has besides those of its packages, as the input `preset` says. */
export type Preset = 'bare' | 'default' | 'job-container'

/** All that the base layer shows of the inputs. */
export type BaseLayer = Pick<RequestedConfiguration, 'user' | 'workdir' | 'volumes'> & { readonly preset: Preset }
