/**
 * Whether a host name, as a URL has it, is this machine; plain HTTP is for no other, since anybody on the way can
 * change it.
 */
export const isLoopback = (hostname: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
