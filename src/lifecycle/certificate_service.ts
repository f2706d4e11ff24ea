/**
 * Holds the certificate that clients are shown: reads it at the start and for
 * each reload, and says when clients will not take it.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import type { EventEmitter, NoticeEvent } from "../events/mod.ts";
import type { Certificate, DataPlane } from "../plane/contract.ts";
import { Alarm } from "../shared/alarm.ts";
import { certificateReader } from "./certificate_reader.ts";
import { termRemark } from "./certificate_term.ts";
import type { ReadCertificate } from "./read_certificate.ts";

/** Between two looks at the date, in milliseconds: one that has been renewed is seldom late by less. */
const LOOK_MS = 24 * 60 * 60 * 1000;

/** What a service works with. */
export interface CertificateServiceDeps {
  readonly events: EventEmitter;
  readonly plane: Pick<DataPlane, "send">;
}

/** Reads the certificate, and looks at its date once a day. */
export class CertificateService {
  readonly #config: Config;
  readonly #deps: CertificateServiceDeps;
  readonly #alarm = new Alarm();
  #read: (() => ReadCertificate) | null = null;
  #current: ReadCertificate | null = null;
  #stopping = false;
  #loop: Promise<void> | null = null;

  /** Creates a service that has read nothing. */
  constructor(config: Config, deps: CertificateServiceDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Returns the certificate to begin with; `null` where none is set. @throws {StartError} When it cannot be used. */
  async open(): Promise<Certificate | null> {
    this.#read = await certificateReader(this.#config);
    if (this.#read === null) return null;
    this.#current = this.#read();
    this.#loop = this.#watch();
    return this.#current.certificate;
  }

  /** Has new connections served with what the files hold now. @throws {StartError} When that cannot be used: the old one stays. */
  renew(): void {
    if (this.#read === null) return;
    this.#current = this.#read();
    const { certificate } = this.#current;
    this.#deps.plane.send({ type: "renew-certificate", certificate });
    const message =
      "Certificate read anew: new connections are served with it.";
    this.#notify("info", message);
    this.#checkTerm();
  }

  /** Looks at no date any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#alarm.wake();
    await this.#loop;
  }

  async #watch(): Promise<void> {
    while (!this.#stopping) {
      this.#checkTerm();
      await this.#alarm.sleep(LOOK_MS);
    }
  }

  #checkTerm(): void {
    const remark = this.#current && termRemark(this.#current, Date.now());
    if (remark !== null) this.#notify("warning", remark);
  }

  #notify(level: NoticeEvent["level"], message: string): void {
    this.#deps.events.emit({ type: "notice", level, message });
  }
}
