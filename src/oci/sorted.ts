/** The members by their names, in code unit order; `undefined`, which JSON leaves out, where there are none. */
export const sorted = <T>(members: Readonly<Record<string, T>> = {}): Record<string, T> | undefined => {
  const entries = Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}
