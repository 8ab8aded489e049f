// Which code speaks the .proto files? Writes NAME.generated.js and NAME.generated.d.ts beside every
// src/**/NAME.proto; with --check it writes nothing and fails when the committed output is stale.

import { basename, join, relative } from "node:path"
import protobuf from "protobufjs"
import pbjs from "protobufjs-cli/pbjs.js"

const root = join(import.meta.dir, "..")

/** Code without what we do not use: our own codecs build and check the messages. */
const generatorFlags = [
  ...["--target", "static-module", "--wrap", "esm", "--dependency", "protobufjs/minimal.js"],
  ...["--no-create", "--no-verify", "--no-convert", "--no-delimited", "--no-typeurl", "--no-service"],
  ...["--no-comments"],
]

const scalarTypes: Readonly<Record<string, string>> = {
  double: "number",
  float: "number",
  int32: "number",
  uint32: "number",
  sint32: "number",
  fixed32: "number",
  sfixed32: "number",
  bool: "boolean",
  string: "string",
  bytes: "Uint8Array",
}

const main = async (checkOnly: boolean): Promise<number> => {
  const stale: Array<string> = []
  const names = [...new Bun.Glob("src/**/*.proto").scanSync(root)].sort()
  for (const name of names) {
    const path = join(root, name)
    const declared = await declarations(path)
    const outputs = [
      [path.replace(/\.proto$/, ".generated.js"), await code(path)],
      [path.replace(/\.proto$/, ".generated.d.ts"), declared],
    ] as const
    for (const [output, text] of outputs) {
      const file = Bun.file(output)
      if ((await file.exists()) && (await file.text()) === text) continue
      stale.push(relative(root, output))
      if (!checkOnly) await Bun.write(output, text)
    }
  }
  for (const output of stale) {
    console.log(checkOnly ? `${output} is stale: run "bun run proto"` : `wrote ${output}`)
  }
  return checkOnly && stale.length > 0 ? 1 : 0
}

/** Each file gets a registry of its own: two files may both know an `Address`. */
const code = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const registry = `raftlet/${relative(join(root, "src"), path).replace(/\.proto$/, "")}`
    pbjs.main([...generatorFlags, "--root", registry, path], (error, output) => {
      if (error !== null) reject(error)
      else resolve(`// Generated from ${basename(path)} by "bun run proto".\n${output}`)
    })
  })

/**
 * The types of what `code` exports. Written here because the generator's own way needs Node and JSDoc, and
 * gives classes with optional everything where a decoded message has all its fields.
 */
const declarations = async (path: string): Promise<string> => {
  const file = await new protobuf.Root().load(path, { keepCase: false })
  file.resolveAll()
  const lines = [
    `// Generated from ${basename(path)} by "bun run proto".`,
    "",
    'import type { Reader, Writer } from "protobufjs/minimal.js"',
  ]
  for (const item of file.nestedArray) {
    if (item instanceof protobuf.Type) lines.push("", ...messageTypes(path, item))
    else if (item instanceof protobuf.Enum) lines.push("", ...enumTypes(item))
    else throw new Error(`${path}: ${item.fullName}: only messages and enums at the top, and no package`)
  }
  return `${lines.join("\n")}\n`
}

const messageTypes = (path: string, type: protobuf.Type): ReadonlyArray<string> => {
  if (type.nestedArray.length > 0) throw new Error(`${path}: ${type.name}: no nested types`)
  return [
    `export interface ${type.name} {`,
    ...type.fieldsArray.map((field) => `  readonly ${fieldType(path, type, field)}`),
    "}",
    `export declare const ${type.name}: {`,
    `  readonly encode: (message: ${type.name}, writer?: Writer) => Writer`,
    `  readonly decode: (bytes: Uint8Array | Reader, length?: number) => ${type.name}`,
    "}",
  ]
}

const fieldType = (path: string, type: protobuf.Type, field: protobuf.Field): string => {
  const isMessage = field.resolvedType instanceof protobuf.Type
  const known = field.resolvedType === null ? scalarTypes[field.type] : field.resolvedType.name
  // 64-bit integers would arrive as Long objects.
  if (known === undefined) throw new Error(`${path}: ${type.name}.${field.name}: no ${field.type} here`)
  if (field.map) return `${field.name}: Readonly<Record<string, ${known}>>`
  if (field.repeated) return `${field.name}: ReadonlyArray<${known}>`
  return isMessage || field.partOf !== null ? `${field.name}?: ${known} | null` : `${field.name}: ${known}`
}

const enumTypes = (type: protobuf.Enum): ReadonlyArray<string> => [
  `export type ${type.name} = ${Object.values(type.values).join(" | ")}`,
  `export declare const ${type.name}: {`,
  ...Object.entries(type.values).map(([name, value]) => `  readonly ${name}: ${value}`),
  "}",
]

process.exit(await main(process.argv.includes("--check")))
