import { Version } from '@cyclonedx/cyclonedx-library/Spec'
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation'

/** The parts of a bill of materials that the tests look at. */
export type Bill = {
  readonly serialNumber: string
  readonly metadata: { readonly component: BillComponent; readonly properties: readonly Property[] }
  readonly components: readonly BillComponent[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}
export type BillComponent = {
  readonly 'bom-ref': string
  readonly type: string
  readonly name: string
  readonly version?: string
  readonly licenses?: readonly unknown[]
  readonly properties?: readonly Property[]
}
type Property = { readonly name: string; readonly value: string }

/** Reads a bill of materials. Throws an `Error` if CycloneDX's own schema does not allow it. */
export const readBill = async (text: string): Promise<Bill> => {
  const problem = await new JsonStrictValidator(Version.v1dot6).validate(text)
  if (problem !== null) throw new Error(`not valid by the schema: ${JSON.stringify(problem)}`)
  return JSON.parse(text)
}

/** The store paths in a bill of materials, sorted by code unit. */
export const storePathsOf = ({ components }: Bill): string[] =>
  components
    .filter(({ type }) => type === 'application')
    .map(storePathOf)
    .toSorted()

/** The store path that a component stands for; empty if it stands for something else. */
export const storePathOf = ({ properties = [] }: BillComponent): string =>
  properties.find(({ name }) => name === 'nix:store_path')?.value ?? ''
