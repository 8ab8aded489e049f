// How many bytes is a text? Known before the realm of reducers is closed: `Buffer` is of the host.

const { byteLength } = Buffer

/** In UTF-8. */
export const utf8Length = (text: string): number => byteLength(text)
