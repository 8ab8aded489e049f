// What media type has an answer that does not say one? Bun 1.4.5 knows it no sooner than it sends it, and here it is not
// sent: so it is said when the answer is made, as the standard wants it (Fetch, "extract a body").

/** From now on, for whoever makes an answer in this thread. */
export const sayTypes = (realm: object): void => {
  const typed = new Proxy(Response, {
    construct: (target, given: ConstructorParameters<typeof Response>, newTarget) => {
      const response: Response = Reflect.construct(target, given, newTarget)
      const type = typeOf(given[0])
      if (type !== "" && !response.headers.has("content-type")) response.headers.set("content-type", type)
      return response
    },
  })
  Reflect.set(realm, "Response", typed)
}

const typeOf = (body: unknown): string => {
  if (typeof body === "string") return "text/plain;charset=UTF-8"
  if (body instanceof URLSearchParams) return "application/x-www-form-urlencoded;charset=UTF-8"
  return body instanceof Blob ? body.type : ""
}
