/**
 * Makes this process act as if something that it opens with had run out.
 *
 * @module
 */

/** The functions of Deno that open something. */
type Opener = "connect" | "listen" | "Command";

/** Until it is disposed of, each call of the named functions fails. */
class Shortage implements Disposable {
  /** Calls that have failed. */
  calls = 0;
  readonly #restore: () => void;

  /** Begins; `failure` makes what calls fail with. */
  constructor(openers: readonly Opener[], failure: () => Error) {
    const originals = openers.map((name) => [name, Deno[name]] as const);
    const fail = (): never => {
      this.calls++;
      throw failure();
    };
    const fakes = {
      // As an async function the first, so that it rejects.
      connect: async (): Promise<never> => await fail(),
      listen: fail,
      Command: class {
        spawn(): never {
          return fail();
        }
      },
    };
    for (const name of openers) Object.assign(Deno, { [name]: fakes[name] });
    this.#restore = (): void => {
      for (const [name, original] of originals) {
        Object.assign(Deno, { [name]: original });
      }
    };
  }

  /** Ends. */
  [Symbol.dispose](): void {
    this.#restore();
  }
}

/** No descriptors are left: EMFILE, as Deno has it. */
export class OutOfDescriptors extends Shortage {
  /** Begins. */
  constructor(...openers: readonly Opener[]) {
    super(
      openers,
      () =>
        Object.assign(new Error("Too many open files (os error 24)"), {
          code: "EMFILE",
        }),
    );
  }
}

/** There are no sockets of the kind that is wanted: EAFNOSUPPORT, as Deno has it. */
export class NoSuchSockets extends Shortage {
  /** Begins. */
  constructor(...openers: readonly Opener[]) {
    super(
      openers,
      () =>
        Object.assign(
          new Error("Address family not supported by protocol (os error 97)"),
          { code: "EAFNOSUPPORT" },
        ),
    );
  }
}

/** No ports are left to connect from: EADDRNOTAVAIL, as Deno has it. */
export class OutOfPorts extends Shortage {
  /** Begins. */
  constructor(...openers: readonly Opener[]) {
    super(
      openers,
      () =>
        new Deno.errors.AddrNotAvailable(
          "Cannot assign requested address (os error 99)",
        ),
    );
  }
}
