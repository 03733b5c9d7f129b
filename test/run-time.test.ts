import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAction } from './support/action.ts'
import { type Container, unpackImage } from './support/container.ts'
import { debianSet } from './support/debian-set.ts'
import { nixConfigFolder } from './support/nix-places.ts'
import { newestNix } from './support/nix-release.ts'
import { type Finished, output } from './support/process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const more = ['tzdata', 'fontconfig', 'fontconfig-config', 'fonts-dejavu-core', 'locales', 'nix-bin']

describe('real programs in a container find', () => {
  const stack = new AsyncDisposableStack()
  let container: Container
  beforeAll(async () => {
    const folder = stack.use(await temporaryFolder('run-time')).path
    const step = await runAction({
      packages: 'bash coreutils tzdata fontconfig fontconfig-config fonts-dejavu-core glibcLocales foreign-names',
      nixpkgs: await debianSet({ more }),
      push: 'false',
      output: folder,
    })
    expect(step.exitCode, step.log).toBe(0)
    container = stack.use(await unpackImage(`oci:${folder}`))
  })
  afterAll(() => stack.disposeAsync())

  const run = async (script: string, env: Record<string, string> = {}): Promise<string> => {
    const { stdout, stderr, exitCode } = await container.run(['bash', '-c', script], { env })
    expect(exitCode, stderr).toBe(0)
    return stdout.trimEnd()
  }

  test('time zones', async () => {
    const script = 'date -d 2026-07-01T12:00:00Z +%H:%M'
    expect(await run(script, { TZ: 'Europe/Berlin' })).toBe('14:00')
    expect(await run(script, { TZ: 'Europe/Berlin', TZDIR: '/nowhere' })).toBe('12:00')
    expect(await run(`unset TZDIR; TZ=Asia/Tokyo ${script}`)).toBe('21:00')
    expect(await run('head -c 4 /usr/share/zoneinfo/Europe/Berlin /etc/zoneinfo/Europe/Berlin')).toContain('TZif')
  })

  test('fonts, by the settings that a package brings', async () => {
    expect(await run('echo $FONTCONFIG_FILE; fc-list : family')).toMatch(
      /^\/etc\/fonts\/fonts\.conf\n(.*\n)*DejaVu Sans/,
    )
    expect(await run('ls /usr/share/fonts/truetype/dejavu')).toContain('DejaVuSans.ttf')
  })

  test('locales', async () => {
    expect(await run('LC_ALL=de_DE.UTF-8 printf %.1f 1,5')).toBe('1,5')
    expect(await run('echo $LOCALE_ARCHIVE')).toBe('/lib/locale/locale-archive')
  })

  test('names in other encodings than UTF-8, under their own bytes', async () => {
    const script = `cd /share/foreign; cat $'bokm\\xe5l.alias' link; printf '%q\\n' *`
    expect(await run(script)).toBe("bokmal\nbokmal\n$'bokm\\345l.alias'\nlink")
  })

  test('places for sockets, logs and servers, and the group of Debian', async () => {
    const script = `stat -c '%n %a %u:%g' /run /var/log /var/empty; readlink /var/run; id -gn 65534
      touch /var/run/x /var/log/x && ls /run/x; while IFS=: read -r name _ id _; do [[ $name == nogroup ]] && echo $id; done < /etc/group`
    expect(await run(script)).toBe('/run 755 0:0\n/var/log 755 0:0\n/var/empty 555 0:0\n/run\nnobody\n/run/x\n65534')
  })
})

test('a Nix in a container knows the paths of its image, which are as it says, and none of them is garbage', async () => {
  await using folder = await temporaryFolder('run-time')
  const step = await runAction({
    packages: 'bash coreutils hello nix-bin',
    nixpkgs: await debianSet({ more }),
    push: 'false',
    output: folder.path,
  })
  expect(step.exitCode, step.log).toBe(0)
  await using container = await unpackImage(`oci:${folder.path}`)
  const run = async (script: string): Promise<string> => {
    const { stdout, stderr, exitCode } = await container.run(['bash', '-euc', script])
    expect(exitCode, stderr).toBe(0)
    return stdout.trimEnd()
  }
  const { platforms } = JSON.parse(step.metadataFile) as { platforms: { layers: { storePaths: string[] }[] }[] }
  const paths = platforms[0]?.layers.flatMap(({ storePaths }) => storePaths).sort()
  expect(await run('nix-store --query --references /bin/nix')).toMatch(/-libc6-/)
  expect((await run('nix-store --query --requisites /bin/nix /bin/hello /bin/bash')).split('\n')).toContain(
    paths?.find((path) => path.endsWith('-bash-5.2.15')) ?? 'a path',
  )
  await run('nix-store --verify --check-contents')
  const dead = (await run('nix-store --gc --print-dead')).split('\n')
  expect(dead.filter((path) => paths?.includes(path))).toEqual([])
  expect((await run('nix-store --gc --print-live')).split('\n').sort()).toEqual(paths)
})

/** What Debian's Nix needs in a container without a network; it looks for the hook where Debian has it. */
const offline = ['substitute = false', 'build-hook = /libexec/nix/build-remote']

/** Builds a file with bash. */
const derivation = `derivation {
  name = "x";
  system = builtins.currentSystem;
  builder = "$(readlink -f /bin/bash)";
  args = [ "-c" "echo built > $out" ];
}`
  .replaceAll('"', '\\"')
  .replace('$out', '\\$out')

describe('a Nix in a container', () => {
  /** Runs the script in a container of an image with Debian's Nix, beside which the newest one lies. */
  const inContainer = async (
    inputs: Record<string, string>,
    work: (
      newest: string,
      run: (script: string, user?: string, config?: readonly string[]) => Promise<Finished>,
    ) => Promise<void>,
  ): Promise<void> => {
    await using folder = await temporaryFolder('run-time')
    const nixpkgs = await debianSet({ more })
    const request = { packages: 'bash coreutils hello nix-bin', nixpkgs, push: 'false', output: folder.path }
    const step = await runAction({ ...request, ...inputs })
    expect(step.exitCode, step.log).toBe(0)
    await using container = await unpackImage(`oci:${folder.path}`)
    const { path: newest } = await newestNix()
    const env = { ...process.env, NIX_CONF_DIR: nixConfigFolder }
    const closure = (await output('nix-store', ['--query', '--requisites', newest], { env })).trim().split('\n')
    await output('cp', ['--archive', '--no-clobber', ...closure, join(container.rootfs, 'nix', 'store')])
    await work(newest, (script, user = '0:0', config = []) =>
      container.run(['bash', '-euc', script], {
        user,
        env: {
          HOME: user === '0:0' ? '/root' : '/home/nonroot',
          NIX_CONFIG: [...offline, ...config].join('\n'),
        },
      }),
    )
  }

  test('does not start as another user than the one of the image', () =>
    inContainer({}, async (newest, run) => {
      for (const bin of ['/bin', `${newest}/bin`]) {
        const { exitCode, stderr } = await run(`${bin}/nix-store --query --references /bin/nix`, '65532:65532')
        expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('Permission denied') })
      }
    }))

  test('has a store of its own where another user is that of the image, if it is new', () =>
    inContainer({ user: 'nonroot' }, async (newest, run) => {
      expect(await run('ls /nix', '65532:65532')).toMatchObject({ stdout: 'store\n' })
      const ofOld = await run('nix-store --add /bin/hello', '65532:65532')
      expect(ofOld).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Permission denied') })
      const add = `${newest}/bin/nix-store --add /bin/hello; ls ~/.local/share/nix/root/nix/store`
      const { exitCode, stdout } = await run(add, '65532:65532')
      expect({ exitCode, stdout }).toEqual({
        exitCode: 0,
        stdout: expect.stringMatching(/^\/nix\/store\/(\w{32}-hello)\n\1\n$/),
      })
    }))

  test('builds as root without a group for builds, where it is told to', () =>
    inContainer({}, async (newest, run) => {
      const build = (bin: string, config: string[] = []): Promise<Finished> =>
        run(`cat "$(${bin}/nix-build --no-out-link --expr "${derivation}")"`, '0:0', config)
      const noGroup = "the group 'nixbld' specified in 'build-users-group' does not exist"
      for (const bin of ['/bin', `${newest}/bin`])
        expect(await build(bin)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(noGroup) })
      expect(await build(`${newest}/bin`, ['build-users-group ='])).toMatchObject({ exitCode: 0, stdout: 'built\n' })
      const withoutSandbox = ['build-users-group =', 'sandbox = false']
      expect(await build('/bin', withoutSandbox)).toMatchObject({ exitCode: 0, stdout: 'built\n' })
    }))
})
