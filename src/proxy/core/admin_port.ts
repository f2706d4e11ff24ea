/**
 * What the data plane asks of whoever makes the pages of our own, and what it
 * is told in return.
 *
 * @module
 */

/** A request for a page, but for its body. */
export interface AdminRequest {
  readonly method: string;
  /** Target in origin-form. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  /** IP address of the peer. */
  readonly clientAddress: string;
}

/** Makes the pages. */
export interface AdminPort {
  /**
   * Whether a request whose path begins with `/_` is for one of the pages;
   * `null` when it is the application's.
   */
  take(request: AdminRequest): AdminPage | null;
}

/** A page that was asked for. */
export interface AdminPage {
  /** Begins to make the response, once the body of the request is there. Nothing is called back during this call. */
  respond(body: Uint8Array<ArrayBuffer>, sink: AdminSink): AdminResponse;
}

/** The head of a response. */
export interface AdminHead {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** Whether the body comes in parts until somebody ends it; else it is the next part, whole. */
  readonly streamed: boolean;
}

/** Is told what the response is. */
export interface AdminSink {
  onHead(head: AdminHead): void;
  /** The next part of the body, one for each {@linkcode AdminResponse.pull}. */
  onPart(part: Uint8Array): void;
  /** There are no more parts. */
  onDone(): void;
  /** Whatever made it broke off. */
  onBroken(reason: string): void;
}

/** A response that is being made. */
export interface AdminResponse {
  /** Wants the next part. */
  pull(): void;
  /** Wants no more: nobody is called back. */
  cancel(): void;
}
