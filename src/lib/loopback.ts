/**
 * Whether a host name, as a URL has it, is this machine. Plain HTTP is allowed for no other host, since anybody on the
 * network path can change it.
 */
export const isLoopback = (hostname: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
