import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { parseStopSignal } from '../../src/inputs/stop-signal.ts'

const read = (text: string): { signal: string | undefined; problems: string[] } => {
  const problems: string[] = []
  const signal = parseStopSignal(text, (sentence) => problems.push(sentence))
  return { signal, problems }
}

test.each([
  ['', undefined],
  ['SIGQUIT', 'SIGQUIT'],
  ['quit', 'SIGQUIT'],
  ['sigint', 'SIGINT'],
  ['3', 'SIGQUIT'],
  ['15', 'SIGTERM'],
  ['31', 'SIGSYS'],
  ['SIGRTMIN', 'SIGRTMIN'],
  ['RTMIN+3', 'SIGRTMIN+3'],
  ['37', 'SIGRTMIN+3'],
  ['34', 'SIGRTMIN'],
  ['49', 'SIGRTMIN+15'],
  ['50', 'SIGRTMAX-14'],
  ['64', 'SIGRTMAX'],
  ['SIGRTMAX-2', 'SIGRTMAX-2'],
])('%j is %j', (text, signal) => {
  expect(read(text)).toEqual({ signal, problems: [] })
})

test.each([
  '0',
  '32',
  '33',
  '65',
  '-3',
  '3.0',
  'SIG',
  'SIGNOPE',
  'SIGQUIT SIGINT',
  'RTMIN+16',
  'RTMAX-15',
  'RTMIN-1',
  'RTMAX+1',
])('%j is refused', (text) => {
  expect(read(text)).toEqual({
    signal: undefined,
    problems: [
      `\`stop-signal\` is ${JSON.stringify(text)}; write the name or the number of a signal, as in \`SIGQUIT\` or \`3\`.`,
    ],
  })
})

test('numbers are those of Linux', () => {
  for (const [name, number] of Object.entries(constants.signals))
    expect([name, 'SIGABRT', 'SIGIO']).toContain(read(`${number}`).signal)
})
