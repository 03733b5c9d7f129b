import { expect, test } from 'vitest'
import { annotation, harmless } from '../../src/lib/log.ts'

test.each([
  ['a command at the start', '::set-output name=digest::evil', ': :set-output name=digest::evil'],
  ['a command after white space', '  ::add-path::/evil', '  : :add-path::/evil'],
  ['an old command anywhere', 'trace: ##[set-output name=digest]evil', 'trace: ## [set-output name=digest]evil'],
  ['several lines', 'a\n::error::b\r::error::c', 'a ::error::b ::error::c'],
  ['colours and other controls', '\u001b[31mred\u0000\u0007', ' [31mred '],
  ['an ordinary line', "building '/nix/store/x.drv'... 12 % :: ok", "building '/nix/store/x.drv'... 12 % :: ok"],
  ['letters of any language', 'ünï 漢字\ttab', 'ünï 漢字\ttab'],
])('%s is printed and no more', (_, line, printed) => {
  expect(harmless(line)).toBe(printed)
})

test('what is on the page of the run has lines, and no colours, old commands or endless text', () => {
  expect(annotation('a\nb\u001b[31m\r##[error]x')).toBe('a\nb [31m ## [error]x')
  expect(annotation('x'.repeat(5_000))).toBe(`${'x'.repeat(4_000)}…`)
})
