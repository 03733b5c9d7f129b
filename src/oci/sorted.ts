/** The members sorted by name, in code unit order. Without members it is `undefined`, which JSON leaves out. */
export const sorted = <T>(members: Readonly<Record<string, T>> = {}): Record<string, T> | undefined => {
  const entries = Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}
