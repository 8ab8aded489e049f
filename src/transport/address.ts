// Where does `host:port` point?

export interface HostPort {
  readonly hostname: string
  readonly port: number
}

/** Reads `host:port` and `[ipv6]:port`; null when it is neither. Port 0 is left to who listens. */
export const parseAddress = (address: string): HostPort | null => {
  const parts = /^(?:\[([^\]\s]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address)
  const port = Number(parts?.[3])
  const hostname = parts?.[1] ?? parts?.[2]
  return hostname === undefined || port > 65_535 ? null : { hostname, port }
}

/** The inverse of {@link parseAddress}. */
export const formatAddress = ({ hostname, port }: HostPort): string =>
  hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`
