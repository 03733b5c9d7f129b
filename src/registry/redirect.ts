import type { HttpRequest, HttpResponse } from './http.ts'

/**
 * Where an answer sends the same request, with its method and its body; `undefined` where it does not. What a 303 and,
 * for writes, a 301 or 302 name is something else: such an answer is none. Source: RFC 9110, section 15.4.
 */
export const redirectTarget = ({ method, url }: HttpRequest, { status, headers }: HttpResponse): URL | undefined => {
  const isRead = method === 'GET' || method === 'HEAD'
  if (!(isRead ? [301, 302, 307, 308] : [307, 308]).includes(status) || headers.location === undefined) return undefined
  return URL.parse(headers.location, url.href) ?? undefined
}
