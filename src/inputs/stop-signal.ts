import type { Problem } from './problem.ts'

/** The signals of Linux on amd64 and arm64, from number 1 on. Source: signal(7). */
const signals = `HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN
  TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`.split(/\s+/)

/**
 * The numbers of the real-time signals: `RTMIN` and those named after it, and those named before `RTMAX`. The C library
 * keeps 32 and 33 for itself. Source: the names that Docker knows, `signal_linux.go` of moby/sys.
 */
const realTime = { min: 34, lastOfMin: 49, max: 64 }

/**
 * The input `stop-signal`: a signal's name with or without `SIG`, or its number. Returns the name with `SIG`, as in
 * `SIGQUIT` or `SIGRTMIN+3`; `undefined` if nothing is given. Source: OCI image specification, "config", `StopSignal`.
 */
export const parseStopSignal = (text: string, problem: Problem): string | undefined => {
  if (text === '') return undefined
  const name = /^\d{1,2}$/.test(text) ? nameOf(Number(text)) : text.toUpperCase().replace(/^SIG/, '')
  if (name !== undefined && (signals.includes(name) || isRealTime(name))) return `SIG${name}`
  problem(
    `\`stop-signal\` is ${JSON.stringify(text)}; write the name or the number of a signal, as in \`SIGQUIT\` or \`3\`.`,
  )
  return undefined
}

const nameOf = (number: number): string | undefined => {
  const { min, lastOfMin, max } = realTime
  if (number < min || number > max) return signals[number - 1]
  if (number <= lastOfMin) return number === min ? 'RTMIN' : `RTMIN+${number - min}`
  return number === max ? 'RTMAX' : `RTMAX-${max - number}`
}

const isRealTime = (name: string): boolean => {
  const [, base, number = '0'] = /^(RTMIN(?=\+|$)|RTMAX(?=-|$))(?:[+-]([1-9]\d?))?$/.exec(name) ?? []
  return base !== undefined && Number(number) <= (base === 'RTMIN' ? 15 : 14)
}
