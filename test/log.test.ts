import { expect, test } from 'vitest'
import { harmless } from '../src/log.ts'

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
