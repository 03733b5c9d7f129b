import { ComponentType, ExternalReferenceType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums'
import {
  Bom,
  Component,
  ComponentRepository,
  ExternalReference,
  ExternalReferenceRepository,
  HashDictionary,
  LicenseExpression,
  LicenseRepository,
  Metadata,
  NamedLicense,
  Property,
  PropertyRepository,
  SpdxLicense,
  Tools,
} from '@cyclonedx/cyclonedx-library/Models'
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize'
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec'
import type { ClosurePath } from '../graph/closure.ts'
import { megabytes } from '../lib/units.ts'
import type { Package } from '../nix/image-spec.ts'
import { narHashHex } from '../nix/nar-hash.ts'
import type { PinnedSource } from '../nix/source.ts'
import { packageName, packageVersion, type StorePath } from '../nix/store-path.ts'
import { type Digest, digestOf } from '../oci/descriptor.ts'
import { architectureOf } from '../oci/platform.ts'
import { formatRepository, type Repository } from '../oci/reference.ts'
import type { Outcome } from './outcome.ts'
import { isLicenseId, spdxExpression } from './spdx-expression.ts'

/**
 * A bill of materials as the content of a file. Different content has a different file name. `notice` says what to do
 * about a bill that is too large.
 */
export type Sbom = { readonly fileName: string; readonly text: string; readonly notice: string | undefined }

/** Source: https://github.com/actions/attest, `MAX_SBOM_SIZE_BYTES`. */
const attestLimit = 16 * 1024 * 1024

/**
 * The bill of materials of what the tags point at: every store path, the layers that contain it and the paths that it
 * references. The bill depends only on the image and its source, not on how the run made the image. Source: CycloneDX
 * 1.6, https://cyclonedx.org/docs/1.6/json/; properties in `nix:` are those of nixpkgs' manual, "CycloneDX".
 */
export const sbom = (outcome: Outcome): Sbom => {
  const bom = billOf(outcome)
  // The lists keep their order: the library would sort them by locale.
  const serializer = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6))
  bom.serialNumber = `urn:uuid:${uuidOf(digestOf(Buffer.from(serializer.serialize(bom))))}`
  const text = serializer.serialize(bom)
  const size = Buffer.byteLength(text)
  return {
    fileName: `${lastPart(outcome.repository)}-${bom.serialNumber.slice('urn:uuid:'.length)}.cdx.json`,
    text,
    notice:
      size > attestLimit
        ? `The bill of materials has ${megabytes(size)}, and actions/attest takes up to ${megabytes(attestLimit)}; make several images of fewer packages, or attest it with a program that takes more.`
        : undefined,
  }
}

/**
 * A UUID that identifies content; actions/attest requires one. Source: RFC 9562, section 5.8, and B.2 for how it is
 * made.
 */
const uuidOf = (digest: Digest): string => {
  const bytes = Buffer.from(digest.slice('sha256:'.length), 'hex').subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

const billOf = (outcome: Outcome): Bom => {
  const { repository, platforms, source, descriptor } = outcome
  const paths = storePathComponents(outcome)
  const images = platforms.map(({ platform, image, closure }) => {
    const { digest } = image.manifest.descriptor
    const component = imageComponent(repository, digest, architectureOf(platform))
    dependOn(
      component,
      closure.roots.map((root) => paths.get(root)),
    )
    return component
  })
  const [only, ...others] = images
  const top = only && others.length === 0 ? only : imageComponent(repository, descriptor.digest)
  if (top !== only) dependOn(top, images)
  describeSource(top, source)
  return new Bom({
    metadata: new Metadata({
      tools: new Tools({
        components: new ComponentRepository([new Component(ComponentType.Application, 'nix-image-action')]),
      }),
      component: top,
      properties: new PropertyRepository([new Property('cdx:reproducible', 'true')]),
    }),
    components: new ComponentRepository([...(top === only ? [] : images), ...paths.values()]),
  })
}

const imageComponent = (repository: Repository, digest: Digest, architecture?: 'amd64' | 'arm64'): Component => {
  const name = formatRepository(repository)
  // Source: https://github.com/package-url/purl-spec, type `oci`.
  const qualifiers = [...(architecture ? [`arch=${architecture}`] : []), `repository_url=${encodeURI(name)}`]
  return new Component(ComponentType.Container, name, {
    bomRef: `${name}@${digest}`,
    version: digest,
    purl: `pkg:oci/${lastPart(repository)}@${encodeURIComponent(digest)}?${qualifiers.join('&')}`,
    hashes: new HashDictionary([[HashAlgorithm['SHA-256'], digest.slice('sha256:'.length)]]),
  })
}

const lastPart = ({ name }: Repository): string => name.slice(name.lastIndexOf('/') + 1)

const describeSource = (component: Component, { type, url, revision, narHash }: PinnedSource): void => {
  // The location of a package set on one runner differs from that on the next, and helps nobody elsewhere.
  if (!url.startsWith('file:') && !url.startsWith('git+file:'))
    component.externalReferences.add(
      new ExternalReference(url, ExternalReferenceType.BuildMeta, { comment: 'the package set' }),
    )
  component.properties.add(new Property('nix-image-action:source:type', type))
  if (revision) component.properties.add(new Property('nix-image-action:source:revision', revision))
  component.properties.add(new Property('nix-image-action:source:nar_hash', narHash))
}

/** In the order of the paths. A path that several platforms have is listed once. */
const storePathComponents = ({ platforms }: Outcome): ReadonlyMap<StorePath, Component> => {
  const infos = platforms
    .flatMap(({ closure }) => [...closure.paths.values()])
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  const packages = Map.groupBy(
    platforms.flatMap((platform) => platform.packages.flatMap(packagePaths)),
    ({ path }) => path,
  )
  const layers = Map.groupBy(
    platforms.flatMap((platform) =>
      platform.layers.flatMap(({ digest, storePaths }) => storePaths.map((path) => ({ path, digest }))),
    ),
    ({ path }) => path,
  )
  const refs = shortRefs(new Set(infos.map(({ path }) => path)))
  const components = new Map(
    infos.map((info) => {
      const digests = layers.get(info.path)?.map(({ digest }) => digest) ?? []
      return [info.path, storePathComponent(info, refs(info.path), packages.get(info.path) ?? [], digests)]
    }),
  )
  for (const { path, references } of infos)
    dependOn(
      components.get(path),
      references.map((reference) => components.get(reference)),
    )
  return components
}

/** A store path of a package. `output` is undefined if the path is in the image, but is not linked. */
type PackagePath = { readonly path: StorePath; readonly output: string | undefined; readonly known: Package }

const packagePaths = (known: Package): PackagePath[] =>
  known.outputs.length > 0
    ? known.outputs.map(({ name, path }) => ({ path, output: name, known }))
    : [{ path: known.outPath, output: undefined, known }]

/** How many characters of a store path's hash tell it from all others. References are most of a large bill. */
const refLength = 10

/**
 * The start of a store path's hash, by which the bill refers to it, or the whole path if another hash starts the same.
 */
const shortRefs = (paths: ReadonlySet<StorePath>): ((path: StorePath) => string) => {
  const short = (path: StorePath): string => path.slice('/nix/store/'.length).slice(0, refLength)
  const sameStart = Map.groupBy(paths, short)
  return (path) => (sameStart.get(short(path))?.length === 1 ? short(path) : path)
}

const storePathComponent = (
  { path, narHash, narSize }: ClosurePath,
  bomRef: string,
  packages: readonly PackagePath[],
  layers: readonly Digest[],
): Component => {
  const known = packages[0]?.known
  const properties = [
    ['nix:store_path', path],
    ['nix:narinfo:nar_size', `${narSize}`],
    ...packages.flatMap(({ known: { attr }, output }) => [
      ['nix-image-action:attr', attr],
      ...(output ? [['nix-image-action:output', output]] : []),
    ]),
    ...layers.map((digest) => ['nix-image-action:layer', digest]),
  ]
  return new Component(ComponentType.Application, known?.name ?? packageName(path), {
    bomRef,
    version: known?.version ?? packageVersion(path),
    hashes: new HashDictionary([[HashAlgorithm['SHA-256'], narHashHex(narHash)]]),
    licenses: licensesOf(known?.license ?? []),
    externalReferences: new ExternalReferenceRepository(
      known?.homepage && URL.canParse(known.homepage)
        ? [new ExternalReference(new URL(known.homepage), ExternalReferenceType.Website)]
        : [],
    ),
    properties: new PropertyRepository(properties.map(([name = '', value = '']) => new Property(name, value))),
  })
}

/** CycloneDX allows one expression, or any number of identifiers and names. */
const licensesOf = (license: readonly string[]): LicenseRepository => {
  const said = [...new Set(license)].filter(Boolean)
  const expression = spdxExpression(said)
  return new LicenseRepository(
    expression
      ? [new LicenseExpression(expression)]
      : said.map((name) => (isLicenseId(name) ? new SpdxLicense(name) : new NamedLicense(name))),
  )
}

/** `checkClosure` has made sure that no reference leads out of a closure, so nothing is left out here. */
const dependOn = (component: Component | undefined, others: readonly (Component | undefined)[]): void => {
  for (const other of others) if (other) component?.dependencies.add(other.bomRef)
}
