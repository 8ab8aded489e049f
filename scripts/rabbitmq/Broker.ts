// How does a stock RabbitMQ come to ask our cluster who may do what? By its own plugin, `rabbitmq_auth_backend_http`, and six
// lines of its configuration.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { freePorts } from "../../test/process/support/ports.ts"
import { until } from "../../test/process/support/wait.ts"

export interface BrokerOptions {
  /** An own one, for everything that it writes. */
  readonly directory: string
  /** `http://HOST:PORT/x/auth/rabbitmq`. */
  readonly authUrl: string
  readonly vhost: string
}

/** One RabbitMQ on loopback, of its own, beside whatever else runs on the machine. */
export class Broker {
  readonly port: number
  readonly #options: BrokerOptions
  readonly #environment: Record<string, string | undefined>
  readonly #log: string
  #child: Bun.Subprocess | null = null

  constructor(options: BrokerOptions) {
    const [port, distribution, names] = freePorts(3)
    const { directory } = options
    this.port = port!
    this.#options = options
    this.#log = join(directory, "rabbitmq.log")
    this.#environment = {
      ...process.env,
      HOME: directory,
      RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
      RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
      RABBITMQ_LOG_BASE: directory,
      RABBITMQ_PID_FILE: join(directory, "pid"),
      RABBITMQ_NODENAME: `raftlet-${process.pid}@localhost`,
      RABBITMQ_DIST_PORT: `${distribution}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
      ERL_EPMD_ADDRESS: "127.0.0.1",
      ERL_EPMD_PORT: `${names}`,
    }
  }

  /** Until it takes connections. */
  async begin(): Promise<void> {
    const { directory, authUrl, vhost } = this.#options
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, "enabled_plugins"), "[rabbitmq_auth_backend_http].\n")
    const configuration = [
      `listeners.tcp.local = 127.0.0.1:${this.port}`,
      `default_vhost = ${vhost}`,
      "auth_backends.1 = http",
      // GET is what it does by itself, and would put secrets into URLs.
      "auth_http.http_method = post",
      ...["user", "vhost", "resource", "topic"].map((one) => `auth_http.${one}_path = ${authUrl}/${one}`),
    ]
    writeFileSync(join(directory, "rabbitmq.conf"), `${configuration.join("\n")}\n`)
    const server = serverPath()
    if (server === null) throw new Error("RabbitMQ is not here")
    const log = Bun.file(this.#log)
    this.#child = Bun.spawn([server], { env: this.#environment, stdin: "ignore", stdout: log, stderr: log })
    const said = () => (existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "")
    await until(
      "RabbitMQ to have started",
      () => {
        if (this.#child?.exitCode !== null) throw new Error(`RabbitMQ has ended: ${said().slice(-500)}`)
        return said().includes("Starting broker... completed") || null
      },
      120_000,
    )
  }

  async end(): Promise<void> {
    this.#child?.kill("SIGTERM")
    await this.#child?.exited
    // Erlang's own name server outlives whoever needed it.
    Bun.spawnSync(["epmd", "-kill"], { env: this.#environment, stdout: "ignore", stderr: "ignore" })
  }
}

/** Debian's wrapper goes to another user, who cannot read what is ours. */
const serverPath = (): string | null =>
  ["/usr/lib/rabbitmq/bin/rabbitmq-server", Bun.which("rabbitmq-server")].find(
    (path) => path !== null && existsSync(path),
  ) ?? null

/** Null: it is here, with the plugin. Otherwise why not. It is installed where that can be done. */
export const missing = (): string | null => {
  if (serverPath() === null && process.getuid?.() === 0 && Bun.which("apt-get") !== null) {
    for (const words of ["update -qq", "install -y -qq --no-install-recommends rabbitmq-server"]) {
      Bun.spawnSync(["apt-get", ...words.split(" ")], {
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
        timeout: 300_000,
      })
    }
  }
  if (serverPath() === null) return "RabbitMQ is not installed (Debian: apt-get install rabbitmq-server)"
  const home = "/usr/lib/rabbitmq/lib"
  const plugins = existsSync(home)
    ? readdirSync(home).flatMap((version) => readdirSync(join(home, version, "plugins")))
    : ["rabbitmq_auth_backend_http"]
  const hasPlugin = plugins.some((plugin) => plugin.startsWith("rabbitmq_auth_backend_http"))
  return hasPlugin ? null : "this RabbitMQ has no rabbitmq_auth_backend_http"
}
