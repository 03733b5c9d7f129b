import { describe, expect, test } from 'vitest'
import type { Owner, TreeEntry } from '../../src/archive/tree.ts'
import type { BaseLayer } from '../../src/image/base-layer.ts'
import { UserError } from '../../src/lib/error.ts'
import type { Loader } from '../../src/rootfs/loader.ts'
import { replacedFiles, rootFileSystem } from '../../src/rootfs/root-file-system.ts'
import { closureOf, pathOf } from '../support/closures.ts'

type Options = Partial<BaseLayer> & {
  readonly links?: readonly string[]
  readonly directories?: readonly string[]
  readonly owner?: Owner
  readonly loader?: Loader
}

const entriesOf = ({ links = [], directories = [], owner, loader, ...base }: Options = {}): TreeEntry[] =>
  rootFileSystem(
    new Map([
      ...directories.map((name) => [name, undefined] as const),
      ...links.map((name) => [name, `/nix/store/${name}`] as const),
    ]),
    { preset: 'default', user: undefined, workdir: undefined, volumes: [], ...base },
    { owner: owner ?? { uid: 0, gid: 0 }, homes: [['home/nonroot', { uid: 65532, gid: 65532 }]] },
    loader,
    closureOf(['nix'], { nix: { size: 1 } }),
  )

const entry = (name: string, options?: Options): TreeEntry | undefined =>
  entriesOf(options).find((entry) => entry.name === name)

const names = (options?: Options): string[] => entriesOf(options).map(({ name }) => name)

const text = (name: string, options?: Options): string => {
  const found = entry(name, options)
  return found?.type === 'file' && found.content instanceof Uint8Array ? Buffer.from(found.content).toString() : ''
}

const everything: Options = {
  links: ['bin/bash', 'bin/env', 'etc/ssl/certs/ca-bundle.crt'],
  preset: 'job-container',
  workdir: '/srv/app.d/x',
  loader: {
    links: { 'lib64/ld-linux-x86-64.so.2': '/nix/store/nix-ld' },
    env: { NIX_LD: '', NIX_LD_LIBRARY_PATH: '' },
  },
}

test('the root file system is this one', () => {
  const line = (entry: TreeEntry): string => {
    if (entry.type === 'symlink') return `${entry.name} -> ${entry.target}`
    const owner = entry.type === 'directory' && entry.owner ? ` ${entry.owner.uid}:${entry.owner.gid}` : ''
    return `${entry.name}${entry.type === 'directory' ? '/' : ''} ${entry.mode.toString(8)}${owner}`
  }
  expect(entriesOf(everything).map(line)).toMatchInlineSnapshot(`
    [
      "bin/ 755",
      "bin/sh -> /bin/bash",
      "etc/ 755",
      "etc/gitconfig 644",
      "etc/group 644",
      "etc/nsswitch.conf 644",
      "etc/os-release 644",
      "etc/passwd 644",
      "etc/pki/ 755",
      "etc/pki/tls/ 755",
      "etc/pki/tls/cert.pem -> /etc/ssl/certs/ca-bundle.crt",
      "etc/pki/tls/certs/ 755",
      "etc/pki/tls/certs/ca-bundle.crt -> /etc/ssl/certs/ca-bundle.crt",
      "etc/ssl/ 755",
      "etc/ssl/cert.pem -> /etc/ssl/certs/ca-bundle.crt",
      "etc/ssl/certs/ 755",
      "etc/ssl/certs/ca-certificates.crt -> /etc/ssl/certs/ca-bundle.crt",
      "home/ 755",
      "home/nonroot/ 700 65532:65532",
      "lib64/ 755",
      "lib64/ld-linux-x86-64.so.2 -> /nix/store/nix-ld",
      "root/ 700",
      "run/ 755",
      "srv/ 755",
      "srv/app.d/ 755",
      "srv/app.d/x/ 755 0:0",
      "tmp/ 1777",
      "usr/ 755",
      "usr/bin/ 755",
      "usr/bin/env -> /bin/env",
      "var/ 755",
      "var/empty/ 555",
      "var/log/ 755",
      "var/run -> /run",
      "var/tmp/ 1777",
    ]
  `)
})

test('every directory is there once, before what is in it, with names in code unit order', () => {
  const all = names(everything)
  expect(new Set(all).size).toBe(all.length)
  expect(all.map((name) => name.replaceAll('/', '\0'))).toEqual(all.map((name) => name.replaceAll('/', '\0')).sort())
  for (const name of all) if (name.includes('/')) expect(all).toContain(name.slice(0, name.lastIndexOf('/')))
})

test('anybody may write to /tmp and /var/tmp, and remove only what is theirs', () => {
  for (const directories of [[], ['tmp', 'var', 'var/tmp']])
    for (const name of ['tmp', 'var/tmp']) expect(entry(name, { directories })).toMatchObject({ mode: 0o1777 })
})

describe('links are there for what the packages have:', () => {
  test.each([
    ['usr/bin/env', 'bin/env', '/bin/env'],
    ['bin/sh', 'bin/bash', '/bin/bash'],
    ['bin/sh', 'bin/dash', '/bin/dash'],
    ['etc/ssl/certs/ca-certificates.crt', 'etc/ssl/certs/ca-bundle.crt', '/etc/ssl/certs/ca-bundle.crt'],
    ['etc/ssl/cert.pem', 'etc/ssl/certs/ca-bundle.crt', '/etc/ssl/certs/ca-bundle.crt'],
    ['etc/pki/tls/certs/ca-bundle.crt', 'etc/ssl/certs/ca-bundle.crt', '/etc/ssl/certs/ca-bundle.crt'],
  ])('/%s, with /%s', (name, needed, target) => {
    expect(entry(name, { links: [needed] })).toEqual({ type: 'symlink', name, target })
    expect(entry(name)).toBeUndefined()
  })

  test('/bin/sh is bash where there is another shell too', () => {
    expect(entry('bin/sh', { links: ['bin/bash', 'bin/dash'] })).toMatchObject({ target: '/bin/bash' })
  })
})

describe('what a package brings is left to it:', () => {
  test.each([
    ['a file', 'etc/passwd', ['etc/passwd'], ['etc/group']],
    ['a link', 'bin/sh', ['bin/bash', 'bin/sh'], []],
    ['a link, and what is behind it', 'usr/bin', ['bin/env', 'usr/bin'], ['tmp']],
    ['a link to a directory', 'var/tmp', ['var/tmp'], ['tmp']],
    ['a link, and the name of /run behind it', 'var', ['var'], ['run']],
  ])('%s', (_, name, links, others) => {
    const all = names({ links })
    expect(all.filter((other) => other === name || other.startsWith(`${name}/`))).toEqual([])
    for (const other of others) expect(all).toContain(other)
  })

  test('a directory where a file would be', () => {
    expect(names({ directories: ['etc/passwd'] })).not.toContain('etc/passwd')
  })
})

test('a Nix among the packages has a database, and its roots stay, but not with `preset: bare` or another user', () => {
  const root = pathOf('nix').slice('/nix/store/'.length)
  const options: Options = { links: ['bin/nix-store'] }
  expect(names(options).filter((name) => name.startsWith('nix'))).toEqual([
    'nix',
    'nix/var',
    'nix/var/nix',
    'nix/var/nix/db',
    'nix/var/nix/db/db.sqlite',
    'nix/var/nix/db/schema',
    'nix/var/nix/gcroots',
    'nix/var/nix/gcroots/nix-image-action',
    `nix/var/nix/gcroots/nix-image-action/${root}`,
  ])
  expect(names({ links: ['bin/nix'] })).toContain('nix/var/nix/db/db.sqlite')
  // Nix ends if it cannot write to its database.
  const another = { ...options, owner: { uid: 65532, gid: 65532 } }
  for (const other of [{ links: ['bin/git'] }, { ...options, preset: 'bare' }, another] as const)
    expect(names(other).filter((name) => name.startsWith('nix'))).toEqual([])
})

describe('the users', () => {
  test('are root, nonroot and nobody', () => {
    expect(text('etc/passwd')).toBe(
      [
        'root:x:0:0:root:/root:/bin/sh',
        'nonroot:x:65532:65532:nonroot:/home/nonroot:/bin/sh',
        'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
        '',
      ].join('\n'),
    )
    expect(text('etc/group')).toBe('root:x:0:\nnonroot:x:65532:\nnobody:x:65534:\nnogroup:x:65534:\n')
    expect(entry('home/nonroot')).toMatchObject({ mode: 0o700, owner: { uid: 65532, gid: 65532 } })
  })

  test('have one more where the user is another number, so that programs find its name and home', () => {
    const options: Options = { user: { uid: 1000, gid: undefined } }
    expect(text('etc/passwd', options)).toContain('\nuser:x:1000:1000:user:/home/user:/bin/sh\n')
    expect(text('etc/group', options)).toContain('\nuser:x:1000:\n')
  })

  test('have the group of that user only where it is a new one', () => {
    expect(text('etc/group', { user: { uid: 1000, gid: 50 } })).toContain('\nuser:x:50:\n')
    expect(text('etc/group', { user: { uid: 1000, gid: 0 } })).not.toContain('user')
    expect(text('etc/passwd', { user: { uid: 1000, gid: 0 } })).toContain('\nuser:x:1000:0:')
  })

  test.each([
    [{ uid: 1234, gid: 65534 }, 'nobody'],
    [{ uid: 1000, gid: 65532 }, 'nonroot'],
  ])('leave the group of %j its name', (user, name) => {
    expect(text('etc/group', { user })).toContain(`\n${name}:x:${user.gid}:\n`)
    expect(text('etc/group', { user })).not.toContain('user:')
  })

  test.each([{ name: 'nonroot' }, { uid: 65532, gid: undefined }])('are not more for %j', (user) => {
    expect(text('etc/passwd', { user })).toBe(text('etc/passwd'))
  })
})

describe('the working directory', () => {
  const owner = { uid: 1000, gid: 100 }

  test('is made and is the user’s, and its parents are not', () => {
    const options: Options = { workdir: '/srv/app', owner }
    expect(entry('srv/app', options)).toEqual({ type: 'directory', name: 'srv/app', mode: 0o755, owner })
    expect(entry('srv', options)).toEqual({ type: 'directory', name: 'srv', mode: 0o755 })
  })

  test('is left as it is where it is there', () => {
    for (const workdir of ['/tmp', '/etc', '/']) expect(entriesOf({ workdir, owner })).toEqual(entriesOf())
    expect(names({ workdir: '/share/app', owner, directories: ['share', 'share/app'] })).not.toContain('share/app')
    expect(names({ workdir: '/share/app', owner, links: ['share/app'] })).not.toContain('share/app')
  })

  test('is all that there is with `preset: bare`', () => {
    expect(names({ preset: 'bare', workdir: '/srv/app', links: ['bin/bash'] })).toEqual(['srv', 'srv/app'])
    expect(names({ preset: 'bare' })).toEqual([])
    expect(names({ preset: 'bare', workdir: '/bin', directories: ['bin'] })).toEqual([])
  })
})

test('volumes are made and are the user’s, also where one is in another or in the working directory', () => {
  const owner = { uid: 1000, gid: 100 }
  const options: Options = { preset: 'bare', workdir: '/app', volumes: ['/app/data', '/logs', '/logs/old'], owner }
  expect(entriesOf(options)).toEqual(
    ['app', 'app/data', 'logs', 'logs/old'].map((name) => ({ type: 'directory', name, mode: 0o755, owner })),
  )
})

test('folders below /var/run are made below /run, to which it leads', () => {
  const owner = { uid: 1000, gid: 100 }
  const options: Options = { workdir: '/var/run', volumes: ['/var/run/app', '/var/runs'], owner }
  expect(entry('run/app', options)).toEqual({ type: 'directory', name: 'run/app', mode: 0o755, owner })
  expect(entry('var/run', options)).toEqual({ type: 'symlink', name: 'var/run', target: '/run' })
  expect(entry('run', options)).toEqual({ type: 'directory', name: 'run', mode: 0o755 })
  expect(names(options)).toContain('var/runs')
  for (const more of [{ preset: 'bare' }, { directories: ['var', 'var/run'] }] as const)
    expect(names({ ...options, ...more })).toContain('var/run/app')
})

test.each<[string, Options, string]>([
  ['/share/app/x', { links: ['share/app'] }, "but /share/app is no folder of the image's own"],
  ['/etc/passwd/x', {}, "but /etc/passwd is no folder of the image's own"],
  ['/etc/passwd', {}, 'which is a file of the image'],
  ['/root', { owner: { uid: 65532, gid: 65532 } }, 'where the user may not look'],
  ['/home/nonroot', { owner: { uid: 1000, gid: 1000 } }, 'where the user may not look'],
])('the folder %s with %j is refused', (folder, options, what) => {
  for (const [input, given] of [
    ['workdir', { workdir: folder }],
    ['volumes', { volumes: [folder] }],
  ] as const)
    expect(() => entriesOf({ ...options, ...given })).toThrow(
      new UserError(`\`${input}\` is ${folder}, ${what}; write another folder, as in \`/app\`.`),
    )
})

describe('with `preset: job-container`', () => {
  test('the files that a job needs are ours, which is told', () => {
    const links = ['etc/gitconfig', 'etc/os-release', 'etc/passwd']
    expect(names({ ...everything, links })).toEqual(expect.arrayContaining(links.slice(0, 2)))
    expect(names({ ...everything, links })).not.toContain('etc/passwd')
    const targets = new Map(links.map((name) => [name, `/nix/store/${name}`]))
    const base = { preset: 'job-container', user: undefined, workdir: undefined, volumes: [] } as const
    expect(replacedFiles(targets, base)).toEqual([
      '/etc/gitconfig is the one that jobs in a container need; left out is /nix/store/etc/gitconfig.',
      '/etc/os-release is the one that jobs in a container need; left out is /nix/store/etc/os-release.',
    ])
    expect(replacedFiles(targets, { ...base, preset: 'default' })).toEqual([])
  })

  test('git works in folders of any user', () => {
    expect(text('etc/gitconfig', everything)).toBe('[safe]\n\tdirectory = *\n')
    expect(text('etc/gitconfig')).toBe('')
  })

  test('the distribution is not Alpine, for which the runner has another Node', () => {
    expect(text('etc/os-release', everything)).toMatch(/^ID=nix-image$/m)
    expect(text('etc/os-release', everything)).not.toMatch(/alpine/i)
  })

  test('the loader is nix-ld, even where a package has another one', () => {
    const links = ['lib64/ld-linux-x86-64.so.2']
    expect(entry('lib64/ld-linux-x86-64.so.2', { ...everything, links })).toMatchObject({ target: '/nix/store/nix-ld' })
  })

  test('nothing is where the runner mounts its own folders', () => {
    expect(names(everything).filter((name) => /^(__|github)/.test(name))).toEqual([])
  })
})
