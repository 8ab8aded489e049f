// What do the words on the command line mean: addresses, node ids, members, URLs?

import { refused } from "./CliFailure.ts"

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** Where a node can be reached; `client` is empty when not known. */
export interface NodeAddress {
  readonly peer: string
  readonly client: string
}

/** `HOST:PORT` or `[IPV6]:PORT`. Throws a CliFailure that names the flag. */
export const parseHostPort = (text: string, flag: string): HostPort => {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  const host = parts?.[1] ?? parts?.[2]
  if (host === undefined) throw refused(`${flag}: ${quoted(text)} is not HOST:PORT, such as 127.0.0.1:4001`)
  return { host, port: parsePort(parts?.[3] ?? "", flag) }
}

/** Where others reach a node: not 0.0.0.0, which is every address of the machine that says it. Throws a CliFailure. */
export const parseReachable = (text: string, flag: string): HostPort => {
  const address = parseHostPort(text, flag)
  if (!isAnyAddress(address)) return address
  throw refused(`${flag}: nobody else could reach ${quoted(text)}: name an address of this machine`)
}

/** `0.0.0.0` and `[::]`, however they are written. */
export const isAnyAddress = (address: HostPort): boolean => {
  const host = URL.parse(`http://${formatHostPort(address)}`)?.hostname
  return host === "0.0.0.0" || host === "[::]"
}

export const parsePort = (text: string, flag: string): number => {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw refused(`${flag}: ${quoted(text)} is not a port from 1 to 65535`)
  }
  return port
}

export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** A whole number between bounds. Throws a CliFailure that names the flag. */
export const parseWhole = (text: string, flag: string, min: number, max: number): number => {
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || value < min || value > max) {
    throw refused(`${flag}: ${quoted(text)} is not a whole number from ${min} to ${max}`)
  }
  return value
}

export const parseId = (text: string, flag: string): string => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) {
    throw refused(`${flag}: ${quoted(text)} is not an id: 1 to 64 letters, digits, dots, dashes, underscores`)
  }
  return text
}

/**
 * `n1=HOST:PEERPORT,n2=…`; behind an `@` the client address of a member may follow (`n1=HOST:PEERPORT@HOST:PORT`),
 * which is what others tell their clients when that member leads. Throws a CliFailure.
 */
export const parseCluster = (text: string, flag: string): Readonly<Record<string, NodeAddress>> => {
  const members = new Map<string, NodeAddress>()
  const owners = new Map<string, string>()
  const take = (address: string, id: string): string => {
    const owner = owners.get(address)
    if (owner !== undefined) throw refused(`${flag}: ${owner} and ${id} share the address ${address}`)
    owners.set(address, id)
    return address
  }
  for (const part of text.split(",")) {
    const [, name, peer, client] = /^([^=]*)=([^@]*)(?:@(.*))?$/.exec(part.trim()) ?? []
    if (name === undefined || peer === undefined) {
      throw refused(`${flag}: ${quoted(part)} is not ID=HOST:PEERPORT`)
    }
    const id = parseId(name, flag)
    if (members.has(id)) throw refused(`${flag}: ${id} stands twice`)
    members.set(id, {
      peer: take(formatHostPort(parseReachable(peer, flag)), id),
      client: client === undefined ? "" : `http://${take(formatHostPort(parseReachable(client, flag)), id)}`,
    })
  }
  return Object.fromEntries(members)
}

/** `http://HOST:PORT,…`, without a path. Throws a CliFailure. */
export const parseUrls = (text: string, flag: string): ReadonlyArray<string> =>
  text.split(",").map((part) => {
    const url = URL.parse(part.trim())
    if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.pathname !== "/") {
      throw refused(`${flag}: ${quoted(part)} is not a URL such as http://127.0.0.1:4001`)
    }
    return url.origin
  })

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** What nodes tell of where they stand. Throws a CliFailure. */
export const parseZone = (text: string, flag: string): string => {
  if (/^[A-Za-z0-9._-]{1,63}$/.test(text)) return text
  throw refused(`${flag}: ${JSON.stringify(text)} is not 1 to 63 letters, digits, dots, dashes, underscores`)
}
