import type { HttpRequest, HttpResponse } from './http.ts'

/**
 * The URL to which an answer redirects the same request, with its method and body, or `undefined`. A 303, and for
 * writes a 301 or 302, names another resource and does not count. Source: RFC 9110, section 15.4.
 */
export const redirectTarget = ({ method, url }: HttpRequest, { status, headers }: HttpResponse): URL | undefined => {
  const isRead = method === 'GET' || method === 'HEAD'
  if (!(isRead ? [301, 302, 307, 308] : [307, 308]).includes(status) || headers.location === undefined) return undefined
  return URL.parse(headers.location, url.href) ?? undefined
}
