import type { DefaultConfiguration } from '../image/contents.ts'
import type { Links } from './links.ts'
import type { Loader } from './loader.ts'
import { runTimeVariables } from './run-time-files.ts'

/** The default configuration of an image, which follows from its files. */
export const imageDefaults = (links: Links, loader: Loader | undefined): DefaultConfiguration => ({
  env: { PATH: '/bin:/sbin:/usr/bin', ...runTimeVariables(links, loader !== undefined), ...loader?.env },
  cmd: links.has('bin/bash') ? ['/bin/bash'] : undefined,
})
