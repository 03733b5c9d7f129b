import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAnnotations, parseLabels } from '../../src/inputs/annotations.ts'
import { parseConfiguration } from '../../src/inputs/configuration.ts'
import { parseVolumes, parseWorkdir } from '../../src/inputs/directories.ts'
import { parsePorts } from '../../src/inputs/ports.ts'
import type { Problem } from '../../src/inputs/problem.ts'
import { parseUser } from '../../src/inputs/user.ts'
import { parseVariables } from '../../src/inputs/variables.ts'
import { parseWords } from '../../src/inputs/words.ts'

/** The result of a parser for a text in which it must find nothing wrong. */
const taken = <T>(parse: (text: string, problem: Problem) => T, text: string): T =>
  parse(text, (sentence) => expect.unreachable(sentence))

const problems = (parse: (text: string, problem: Problem) => unknown, text: string): string[] => {
  const found: string[] = []
  parse(text, (sentence) => found.push(sentence))
  return found
}

describe('a command', () => {
  const words = (text: string, problem: Problem) => parseWords('cmd', text, problem)

  test.each<[string, string[] | undefined]>([
    ['', undefined],
    ['git', ['git']],
    ['git  log\t-1', ['git', 'log', '-1']],
    ['a "b c" \'d "e"\'', ['a', 'b c', 'd "e"']],
    ['a"b c"\'d\'e', ['ab cde']],
    ['"" \'\'', ['', '']],
    ['a\\ b \\"c\\\\ \\$HOME', ['a b', '"c\\', '$HOME']],
    ['"\\$HOME \\" \\\\ \\` \\n"', ['$HOME " \\ ` \\n']],
    ["'$HOME | * \\'", ['$HOME | * \\']],
    ['a \\\n  b', ['a', 'b']],
    ['a\\\nb', ['ab']],
    ['"a\\\nb" \'c\nd\'', ['ab', 'c\nd']],
    ['a#b a~b --x=~', ['a#b', 'a~b', '--x=~']],
    ["sh -c 'exec git log | head'", ['sh', '-c', 'exec git log | head']],
    ['["a b", "", "$HOME"]', ['a b', '', '$HOME']],
    ['[]', []],
  ])('%j is %j', (text, expected) => {
    expect(taken(words, text)).toEqual(expected)
  })

  const shell = (what: string): string =>
    `\`cmd\` has ${what} that only a shell would understand; write it in single quotes, or start a shell as in \`sh -c '…'\`.`
  const array = '`cmd` starts with `[` and is no JSON array of strings; write it as in `["program", "argument"]`.'
  test.each([
    ...['|', '&', ';', '<', '>', '(', ')', '$', '*', '?', '['].map((c): [string, string] => [
      `a ${c}b`,
      shell(`a \`${c}\``),
    ]),
    ['a `b`', shell('a backquote')],
    ['a\nb', shell('a line break')],
    ['ls ~/x', shell('a `~`')],
    ['a # b', shell('a `#`')],
    ['echo "$HOME"', shell('a `$`')],
    ['echo "\\$ `date`"', shell('a backquote')],
    ["a 'b", "`cmd` has a `'` that is not closed; close it, or write a backslash before it."],
    ['a "b', '`cmd` has a `"` that is not closed; close it, or write a backslash before it.'],
    ['a "b\\"', '`cmd` has a `"` that is not closed; close it, or write a backslash before it.'],
    ['a \\', '`cmd` ends with a backslash; put something behind it, or write two of them.'],
    ['[ -f x ]', array],
    ['["a", 1]', array],
    ['["a"', array],
    ['["a\\u0000"]', array],
  ])('%j is refused', (text, problem) => {
    expect(problems(words, text)).toEqual([problem])
  })

  test('has the words that a shell finds in it', () => {
    const character = fc.constantFrom(...'ab=~#. \t"\'\\\n$`|é')
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
        const command = text.trim()
        fc.pre(problems(words, command).length === 0)
        const script = `printf '%s\\0' ${command}`
        const printed = execFileSync('sh', ['-c', `set -f; ${script}`], { encoding: 'utf8' })
        // printf prints its format once even without arguments.
        const expected =
          printed === '\0' && (taken(words, command) ?? []).length === 0 ? [] : printed.slice(0, -1).split('\0')
        expect(taken(words, command) ?? []).toEqual(expected)
      }),
    )
  })

  test('of any words in single quotes or in JSON is those words', () => {
    const word = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (list) => {
        const quoted = list.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
        expect(taken(words, quoted)).toEqual(list)
        expect(taken(words, JSON.stringify(list))).toEqual(list)
      }),
    )
  })
})

describe('variables', () => {
  test.each([
    ['', {}],
    ['A=1', { A: '1' }],
    ['A=1\r\nB=\n\n  C=a b = c', { A: '1', B: '', C: 'a b = c' }],
    ['# A=1\nA="x" # y', { A: '"x" # y' }],
    ['A=1\nA=2', { A: '2' }],
    ['OPTS=$HOME $A', { OPTS: '$HOME $A' }],
    ['A=pa$Ab ${AB} $1', { A: 'pa$Ab ${AB} $1' }],
    ['__proto__=x', Object.fromEntries([['__proto__', 'x']])],
  ])('%j are %j', (text, variables) => {
    expect(taken(parseVariables, text)).toEqual(variables)
  })

  const inFull = (line: string): string =>
    `\`env\` has ${JSON.stringify(line)}, where nothing is expanded; write the value in full, as in \`PATH=/opt/bin:/bin:/sbin:/usr/bin\`.`
  test.each([
    ['A', '`env` has "A"; write `NAME=value`, one a line.'],
    ['=1', '`env` has "=1"; write `NAME=value`, one a line.'],
    ['A B=1', '`env` has "A B=1"; write `NAME=value`, one a line.'],
    ['export A=1', '`env` has "export A=1"; write `NAME=value`, one a line.'],
    ['PATH=/opt/bin:$PATH', inFull('PATH=/opt/bin:$PATH')],
    ['PATH=${PATH}:/opt/bin', inFull('PATH=${PATH}:/opt/bin')],
  ])('%j is refused', (text, problem) => {
    expect(problems(parseVariables, text)).toEqual([problem])
  })
})

describe('a user', () => {
  test.each([
    ['', undefined],
    ['nobody', { name: 'nobody' }],
    ['_www-data.1', { name: '_www-data.1' }],
    ['0', { uid: 0, gid: undefined }],
    ['1000', { uid: 1000, gid: undefined }],
    ['1000:100', { uid: 1000, gid: 100 }],
    ['2147483647:0', { uid: 2147483647, gid: 0 }],
  ])('%j is %j', (text, user) => {
    expect(taken(parseUser, text)).toEqual(user)
  })

  test.each([
    'a b',
    'nobody:users',
    'nonroot:nonroot',
    '1000:',
    ':1',
    '-1',
    '2147483648',
    '1:2147483648',
    '1000:users',
    'a/b',
  ])('%j is refused', (text) => {
    expect(problems(parseUser, text)).toEqual([
      `\`user\` is ${JSON.stringify(text)}; write a name without a group, or a user's and a group's number as in \`1000:1000\`.`,
    ])
  })
})

describe('directories', () => {
  test.each([
    ['', undefined],
    ['/', '/'],
    ['/app', '/app'],
    ['/app/', '/app'],
    ['/srv//my app/./x', '/srv/my app/x'],
    ['/nix', '/nix'],
  ])('the working directory %j is %j', (text, path) => {
    expect(taken(parseWorkdir, text)).toBe(path)
  })

  test.each(['app', './app', '~', '/app/../etc', '/app/.wh.x', '/a\tb'])(
    'the working directory %j is refused',
    (text) => {
      expect(problems(parseWorkdir, text)).toEqual([
        `\`workdir\` is ${JSON.stringify(text)}; write the absolute path of a folder in the image, as in \`/app\`.`,
      ])
    },
  )

  test.each(['/nix/store', '/nix/store/x', '/proc', '/dev/shm', '/sys/'])('nothing is made in %j', (text) => {
    expect(problems(parseWorkdir, text)).toEqual([
      `\`workdir\` is ${JSON.stringify(text)}, where no folder can be made; write another one, as in \`/app\`.`,
    ])
  })

  test.each([
    ['', []],
    ['/data', ['/data']],
    [' /b/ \n\n/a\n/b', ['/a', '/b']],
    ['/data, /logs', ['/data', '/logs']],
    ['/logs /data', ['/data', '/logs']],
  ])('the volumes %j are %j', (text, paths) => {
    expect(taken(parseVolumes, text)).toEqual(paths)
  })

  test.each(['data', '/', '//', '/data:/data', '/a/..', '/.wh.x'])('the volume %j is refused', (text) => {
    expect(problems(parseVolumes, text)).toEqual([
      `\`volumes\` has ${JSON.stringify(text)}; write absolute paths in the image, as in \`/data /logs\`.`,
    ])
  })
})

test.each(['/proc', '/nix/store/x', '/dev/shm'])('the volume %j is refused, since nothing is made there', (text) => {
  expect(problems(parseVolumes, text)).toEqual([
    `\`volumes\` has ${JSON.stringify(text)}, where no folder can be made; write another one, as in \`/data\`.`,
  ])
})

test('a folder with a name that no file system takes is refused', () => {
  const path = (length: number): string => `/a/${'é'.repeat(length)}`
  expect(taken(parseWorkdir, path(127))).toBe(path(127))
  for (const [input, parse] of [
    ['workdir', parseWorkdir],
    ['volumes', parseVolumes],
  ] as const)
    expect(problems(parse, path(128))).toEqual([
      `\`${input}\` has a name of 256 bytes, and a folder can have 255; write a shorter one.`,
    ])
})

describe('the program', () => {
  const configured =
    (given: Record<string, string>) =>
    (_: string, problem: Problem): unknown =>
      parseConfiguration((name) => given[name] ?? '', problem)

  test.each<[Record<string, string>, string]>([
    [
      { cmd: 'FOO=1 env' },
      '`cmd` starts with `FOO=`, which only a shell would understand; write the variable in `env`.',
    ],
    [
      { entrypoint: 'FOO=1 env', cmd: 'x' },
      '`entrypoint` starts with `FOO=`, which only a shell would understand; write the variable in `env`.',
    ],
    [{ cmd: '""' }, '`cmd` starts with an empty word; write the program there, as in `bash`.'],
    [{ entrypoint: '[""]' }, '`entrypoint` starts with an empty word; write the program there, as in `bash`.'],
  ])('of %j is none', (given, problem) => {
    expect(problems(configured(given), '')).toEqual([problem])
  })

  test.each<Record<string, string>>([
    { entrypoint: 'env', cmd: 'FOO=1 env' },
    { entrypoint: 'echo', cmd: '""' },
    { cmd: '["FOO=1"]' },
    { cmd: "'FOO=1'" },
  ])('of %j may be there', (given) => {
    expect(problems(configured(given), '')).toEqual([])
  })
})

describe('ports', () => {
  test.each([
    ['', []],
    ['8080', ['8080/tcp']],
    ['443, 53/udp\n8080/tcp 9/sctp', ['443/tcp', '53/udp', '8080/tcp', '9/sctp']],
    ['80 80/tcp 080', ['80/tcp']],
    ['1 65535', ['1/tcp', '65535/tcp']],
  ])('%j are %j', (text, ports) => {
    expect(taken(parsePorts, text)).toEqual(ports)
  })

  test.each(['0', '65536', '123456', 'http', '80/TCP', '80/', '/tcp', '80:80', '8000-8010', '-1'])(
    '%j is refused',
    (text) => {
      expect(problems(parsePorts, text)).toEqual([
        `\`expose\` has ${JSON.stringify(text)}; write ports from 1 to 65535, as in \`8080\` or \`53/udp\`.`,
      ])
    },
  )
})

describe('labels', () => {
  test.each([
    ['', {}],
    ['a=b', { a: 'b' }],
    [
      'org.opencontainers.image.title=tools\n\n org.opencontainers.image.description=a = b, c ',
      { 'org.opencontainers.image.title': 'tools', 'org.opencontainers.image.description': 'a = b, c' },
    ],
    ['a=1\nb=\na=2', { a: '2', b: '' }],
    ['manifest:a=b', { 'manifest:a': 'b' }],
  ])('%j are %j', (text, labels) => {
    expect(taken(parseLabels, text)).toEqual(labels)
  })

  test.each(['a', '=b', 'a b=c'])('%j is refused', (text) => {
    expect(problems(parseLabels, text)).toEqual([
      `\`labels\` has ${JSON.stringify(text)}; write \`key=value\`, one a line.`,
    ])
  })
})

describe('annotations', () => {
  test.each([
    ['', {}, {}],
    ['a=b', { a: 'b' }, { a: 'b' }],
    ['__proto__=b', Object.fromEntries([['__proto__', 'b']]), Object.fromEntries([['__proto__', 'b']])],
    ['manifest:a=b', { a: 'b' }, {}],
    ['index:a=b', {}, { a: 'b' }],
    ['manifest,index:a=b', { a: 'b' }, { a: 'b' }],
    ['index,manifest:a=b\nmanifest:a=c', { a: 'c' }, { a: 'b' }],
    ['org.example.a:b=c', { 'org.example.a:b': 'c' }, { 'org.example.a:b': 'c' }],
  ])('%j are %j of the manifest and %j of the index', (text, manifest, index) => {
    expect(taken(parseAnnotations, text)).toEqual({ manifest, index })
  })

  test.each([
    ['manifest:=x', '`annotations` has "manifest:" without a key; write one behind it, as in `manifest:key=value`.'],
    ['a', '`annotations` has "a"; write `key=value`, one a line.'],
    ...['index-descriptor', 'manifest[linux/amd64]', 'x'].map((level): [string, string] => [
      `${level}:a=b`,
      `\`annotations\` has "${level}:a", whose \`${level}\` is not supported; write \`manifest:\`, \`index:\`, \`manifest,index:\` or nothing before the key.`,
    ]),
  ])('%j is refused', (text, problem) => {
    expect(problems(parseAnnotations, text)).toEqual([problem])
  })
})
