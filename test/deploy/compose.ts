/**
 * The service of `deploy/compose.yaml`: what it says, and the same as arguments
 * of podman, which is what can be run where no Docker engine is.
 *
 * @module
 */

import { parse } from "yaml";
import { read } from "./deployed.ts";

/** The parts of a service that the file uses. */
export interface ComposeService {
  readonly image: string;
  readonly build: string;
  readonly environment: Readonly<Record<string, string | null>>;
  readonly ports: readonly string[];
  readonly restart: string;
  readonly stop_grace_period: string;
  readonly read_only: boolean;
  readonly tmpfs: readonly string[];
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly mem_limit: string;
  readonly ulimits: { readonly nofile: number };
}

/** The file, read. */
export interface Compose {
  readonly project: string;
  readonly service: ComposeService;
  /** What the container's environment is, with that of the image. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Reads the file. */
export function composeService(): Compose {
  const { name, services } = parse(read("deploy/compose.yaml")) as {
    readonly name: string;
    readonly services: { readonly pool: ComposeService };
  };
  const [, image = ""] = read("Dockerfile").match(/^ENV (.*)$/m) ?? [];
  const own = Object.entries(services.pool.environment)
    // Without a value it is taken from the shell, and here there is none.
    .filter((entry): entry is [string, string] => entry[1] !== null);
  const variables = {
    ...Object.fromEntries(image.split(" ").map((word) => word.split("=", 2))),
    ...Object.fromEntries(own),
  };
  return { project: name, service: services.pool, variables };
}

/**
 * The sandbox of the service as arguments of `podman run`. Its ports and
 * restarts are Docker's part, and its limit of files needs more rights than
 * those who run tests may have.
 */
export function sandboxArguments(service: ComposeService): readonly string[] {
  return [
    ...(service.read_only ? ["--read-only"] : []),
    ...service.tmpfs.map((path) => `--tmpfs=${path}`),
    ...service.cap_drop.map((name) => `--cap-drop=${name}`),
    ...service.security_opt.map((option) => `--security-opt=${option}`),
    `--memory=${service.mem_limit}`,
  ];
}
