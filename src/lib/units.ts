/** `12.3 MB`; MB are millions of bytes, as registries and disks count them. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`

/** `3.21 s` */
export const seconds = (value: number): string => `${value.toFixed(2)} s`

/** `1 layer`, `2 layers`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
