import type { Problem } from './problem.ts'

/**
 * The input `expose`: ports separated by white space or commas, as `8080`, `8080/tcp`, `53/udp` or `5000/sctp`. Returns
 * each once with its protocol, which is TCP by default, sorted.
 */
export const parsePorts = (text: string, problem: Problem): string[] => {
  const ports = text
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .map((item) => {
      const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(item) ?? []
      if (!(Number(port) >= 1 && Number(port) <= 65535))
        problem(`\`expose\` has ${JSON.stringify(item)}; write ports from 1 to 65535, as in \`8080\` or \`53/udp\`.`)
      return `${Number(port)}/${protocol}`
    })
  return [...new Set(ports)].sort()
}
