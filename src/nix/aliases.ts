/** How nixpkgs begins to say what to take in place of something that it no longer has. */
const leadsOn =
  /\b(?:renamed to(?:\/replaced by)?|replaced (?:by|with)|moved to|merged into|superseded by|(?:in )?favou?r of|switch to|migrate to|consider using|consider|using|use)\s+/gi

const attributePath = /[a-zA-Z_][\w'+-]*(?:\.[a-zA-Z_0-9][\w'+-]*)*/

/** The most names of one message. */
const limit = 5

/** Whether the message says that a name was removed or renamed. */
export const isRemoval = (message: string): boolean =>
  /\b(?:has|have|had|was|were|been) (?:been )?(?:removed|dropped|renamed|replaced|moved|merged|split|discontinued)\b|\bdeprecated\b|\bobsolete\b|\bno longer\b|\bpreviously\b|\bend.of.life\b|\bunmaintained\b|\binstead\b/.test(
    message,
  )

/**
 * The names that a message may offer in place of `name`, in its order. A package set can be asked which of them it has:
 * where the message has no quotes, the words behind "use" need not be names.
 */
export const replacementsIn = (message: string, name: string): string[] => {
  const text = message.replaceAll(/\s+/g, ' ')
  const offers = [...text.matchAll(leadsOn)].flatMap(({ index, 0: { length } }) => {
    const rest = text.slice(index + length, index + length + 300).split(/[.;](?: |$)/)[0] ?? ''
    const quoted = [...rest.matchAll(/['"`‘“]([^'"`’”\s]+)['"`’”]/g)].map(([, offered = '']) => offered)
    const [bare] = new RegExp(`^${attributePath.source}`).exec(rest) ?? []
    return /^['"`‘“]/.test(rest) || !bare ? quoted : [bare, ...quoted]
  })
  const whole = new RegExp(`^${attributePath.source}$`)
  const cleaned = offers.map((offered) => offered.replace(/^pkgs\./, '').replace(/[.,']+$/, ''))
  return [...new Set(cleaned)].filter((offered) => whole.test(offered) && offered !== name).slice(0, limit)
}
