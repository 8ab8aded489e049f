// How much may a reducer ask for at once? What JavaScriptCore cannot allocate it answers with an error that can be
// caught, so that a reducer would come to another result on a node with less memory. Below these limits every node
// that runs at all says yes, above them every node says no.

import { isOutOfMemory, noteRefusalOfMemory } from "../HostFault.ts"
import { TooLarge } from "./forbidden.ts"
import { type Replacement, realm } from "./replacements.ts"

/** Of one buffer, and of one string that is made by repetition, in code units. */
export const allocationBytesMax = 64 * 1024 * 1024
/** Of one array that is made by its length. An element takes eight bytes. */
export const arrayLengthMax = allocationBytesMax / 8

/**
 * What can ask for much with one small number. Growth step by step is not seen here: of a process that grows
 * without end its host takes care.
 */
export const limitedAllocators = (): ReadonlyArray<Replacement> => [
  ...limitedConstructor(Array, ([length, ...more]) => {
    if (typeof length === "number" && more.length === 0) check("an array", length, arrayLengthMax)
  }),
  ...limitedConstructor(ArrayBuffer, ([length, options]) => {
    checkBytes(Number(length))
    const { maxByteLength = 0 } = Object(options)
    checkBytes(Number(maxByteLength))
  }),
  ...typedArrays.flatMap((type) =>
    limitedConstructor(type, ([given]) => {
      const length = typeof given === "object" && given !== null ? lengthOf(given) : Number(given)
      checkBytes(length * type.BYTES_PER_ELEMENT)
    }),
  ),
  ...["transfer", "transferToFixedLength"].map((key) =>
    limitedMethod(ArrayBuffer.prototype, key, ([length]) => checkBytes(Number(length ?? 0))),
  ),
  limitedMethod(ArrayBuffer.prototype, "resize", ([length]) => checkBytes(Number(length))),
  // These make no more than what they were called on: whether there is memory for it is another matter.
  limitedMethod(ArrayBuffer.prototype, "slice", () => {}),
  ...["slice", "map", "filter", "with", "toSorted", "toReversed"].map((key) =>
    limitedMethod(typedArrayPrototype, key, () => {}),
  ),
  limitedMethod(String.prototype, "repeat", ([count], text) =>
    check("a string", String(text).length * Number(count), allocationBytesMax),
  ),
  ...["padStart", "padEnd"].map((key) =>
    limitedMethod(String.prototype, key, ([length]) => check("a string", Number(length), allocationBytesMax)),
  ),
]

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype)

const typedArrays = [
  BigInt64Array,
  BigUint64Array,
  Float16Array,
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
]

type Given = ReadonlyArray<unknown>
type Callable = (...given: Given) => unknown

const limitedConstructor = (
  Right: { readonly name: string; readonly prototype: object },
  examine: (given: Given) => void,
): ReadonlyArray<Replacement> => {
  function Limited(...given: Given): unknown {
    examine(given)
    const target = new.target === Limited ? (Right as Callable) : new.target
    return noting(() =>
      target === undefined
        ? Reflect.apply(Right as Callable, undefined, given)
        : Reflect.construct(Right as Callable, given, target),
    )
  }
  Object.defineProperties(Limited, Object.getOwnPropertyDescriptors(Right))
  Object.setPrototypeOf(Limited, Object.getPrototypeOf(Right))
  // Undefined means the engine's own: what `map` and `slice` make is no larger than what they were called on.
  Object.defineProperty(Limited, Symbol.species, {
    get(): unknown {
      return this === Limited ? undefined : this
    },
  })
  return [
    { holder: realm, key: Right.name, value: Limited },
    { holder: Right.prototype, key: "constructor", value: Limited },
  ]
}

const limitedMethod = (
  holder: object,
  key: string,
  examine: (given: Given, self: unknown) => void,
): Replacement => {
  const right: Callable = Reflect.get(holder, key)
  // As a method, it is no constructor, like the one that it replaces.
  const { limited } = {
    limited(this: unknown, ...given: Given): unknown {
      examine(given, this)
      return noting(() => Reflect.apply(right, this, given))
    },
  }
  const { length } = right
  return {
    holder,
    key,
    value: Object.defineProperties(limited, { name: { value: key }, length: { value: length } }),
  }
}

/** What is refused below the limits is the machine's doing: that is known also when nobody hears of the error. */
const noting = <Value>(allocate: () => Value): Value => {
  try {
    return allocate()
  } catch (error) {
    if (isOutOfMemory(error)) noteRefusalOfMemory()
    throw error
  }
}

const lengthOf = (given: object): number => {
  if (given instanceof ArrayBuffer) return 0
  return Number(Reflect.get(given, "length") ?? 0)
}

const checkBytes = (bytes: number): void => check("a buffer", bytes, allocationBytesMax)

const check = (what: string, size: number, max: number): void => {
  if (size > max) throw new TooLarge(`${what} of ${size} is too large for a reducer: the limit is ${max}`)
}
