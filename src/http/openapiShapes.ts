// What are schemas made of?

export const count = { type: "integer", minimum: 0 }
export const text = { type: "string" }
export const names = { type: "array", items: text }
export const orNull = (type: string) => ({ type: [type, "null"] })

/** All properties are there, unless it is said which. */
export const object = (
  properties: Readonly<Record<string, unknown>>,
  required: ReadonlyArray<string> = Object.keys(properties),
) => ({ type: "object", properties, required })
