import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, runAction } from '../test/support/action.ts'
import { startRegistry } from '../test/support/registry.ts'
import { prepareNixConfig } from '../test/support/test-world.ts'

/**
 * Measures the peak memory of the whole action when it builds and pushes an image with one big file. The memory of Nix
 * does not count.
 */

await prepareNixConfig()
const folder = await mkdtemp(join(tmpdir(), 'nix-image-action-bench-'))
await cp(join(root, 'test', 'fixtures', 'small-set'), join(folder, 'small-set'), { recursive: true })
await writeFile(
  join(folder, 'default.nix'),
  `arguments: import ./small-set arguments // {
    big = derivation {
      name = "big-\${toString arguments.config.gigabytes}";
      inherit (arguments) system;
      builder = "/bin/bash";
      args = [ "-c" "PATH=/bin:/usr/bin; mkdir $out; head -c 500000 /dev/urandom > part; yes 'all work and no play' | head -c 500000 >> part; for ((i = 0; i < \${toString (arguments.config.gigabytes * 1000)}; i++)); do cat part; done > $out/file; exit" ];
    };
  }`,
)

/** The peak resident memory of a process in MB; 0 if the process has ended. */
const peakOf = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000
  } catch {
    return 0
  }
}

await using registry = await startRegistry()
for (const compression of ['gzip', 'zstd'])
  for (const gigabytes of [2, 4]) {
    let peak = 0
    const step = await runAction(
      {
        packages: 'big',
        nixpkgs: folder,
        'nixpkgs-config': JSON.stringify({ gigabytes }),
        image: `${registry.host}/big`,
        compression,
        'compression-level': '1',
      },
      {
        started: (child) => {
          const timer = setInterval(() => {
            peak = Math.max(peak, peakOf(child.pid ?? 0))
          }, 20)
          child.once('exit', () => clearInterval(timer))
        },
      },
    )
    if (step.exitCode !== 0) throw new Error(step.log)
    console.log(`${gigabytes} GB, ${compression} 1: ${peak.toFixed(0)} MB at the most`)
  }
await rm(folder, { recursive: true })
