/**
 * Makes this process act as if it had no descriptors left.
 *
 * @module
 */

/** The functions of Deno that open something. */
type Opener = "connect" | "listen" | "Command";

/** Until it is disposed of, each call of the named functions fails with EMFILE, as Deno has it. */
export class OutOfDescriptors implements Disposable {
  /** Calls that have failed. */
  calls = 0;
  readonly #restore: () => void;

  /** Begins. */
  constructor(...openers: readonly Opener[]) {
    const originals = openers.map((name) => [name, Deno[name]] as const);
    const fail = (): never => {
      this.calls++;
      throw Object.assign(new Error("Too many open files (os error 24)"), {
        code: "EMFILE",
      });
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
