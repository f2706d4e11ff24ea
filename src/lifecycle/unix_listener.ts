/**
 * A unix socket that is listened on, and its file.
 *
 * Deno removes the file by its name when the socket is closed, whoever has put
 * it there meanwhile. A pool that drains would take the file of its successor
 * away. So only the file that was made for the socket is removed.
 *
 * @module
 */

/** Which file it is, whatever it is called. */
interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

/** Accepts connections; what is used of `Deno.Listener`. */
export interface Acceptor {
  /** The next connection. @throws {Deno.errors.BadResource} when it is closed. */
  accept(): Promise<Deno.Conn>;
  /** Accepts no more. */
  close(): void;
}

/** Listens on a unix socket. */
export class UnixListener implements Acceptor {
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #file: FileIdentity | null;
  #fileRemoved = false;
  #closed = false;
  #endAccept: (() => void) | null = null;

  private constructor(path: string) {
    this.#path = path;
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#file = identify(path);
  }

  /** Binds a unix socket; the file that a dead program has left behind is replaced. */
  static async listen(path: string): Promise<UnixListener> {
    try {
      return new UnixListener(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      const abandoned = await findAbandoned(path);
      if (abandoned === null) throw error;
      // Somebody who starts at the same time may have replaced it meanwhile.
      if (isSame(abandoned, identify(path))) Deno.removeSync(path);
      return new UnixListener(path);
    }
  }

  accept(): Promise<Deno.Conn> {
    const { promise, resolve, reject } = Promise.withResolvers<Deno.Conn>();
    this.#endAccept = () => reject(new Deno.errors.BadResource("closed"));
    this.#listener.accept().then((conn) => {
      if (this.#closed) conn.close();
      else resolve(conn);
    }, reject);
    return promise;
  }

  /**
   * Takes the file away, so that nobody comes any more and a successor can
   * listen there. Those who have come are still accepted. While the socket is
   * open nobody takes its file for abandoned, and no other gets its number.
   */
  removeFile(): void {
    if (this.#fileRemoved) return;
    this.#fileRemoved = true;
    if (this.#file === null || !isSame(this.#file, identify(this.#path))) {
      return;
    }
    try {
      Deno.removeSync(this.#path);
    } catch (error) {
      // Somebody else has taken it away, which is all that was wanted.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.removeFile();
    this.#closed = true;
    if (identify(this.#path) === null) this.#listener.close();
    else {
      // A successor's. The socket has no name any more, so that nobody can
      // reach it, and it ends with the process.
      this.#listener.unref();
      this.#endAccept?.();
    }
  }
}

/** The file at `path` if it is a socket that nobody listens on. */
async function findAbandoned(path: string): Promise<FileIdentity | null> {
  // Connecting to any other file is refused too.
  const file = isSocket(path) ? identify(path) : null;
  if (file === null) return null;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return null;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused ? file : null;
  }
}

function isSocket(path: string): boolean {
  return Deno.lstatSync(path).isSocket === true;
}

/** Which file is at `path`; `null` when there is none, or it cannot be looked at. */
function identify(path: string): FileIdentity | null {
  try {
    const { dev: device, ino: inode } = Deno.lstatSync(path);
    return inode === null ? null : { device, inode };
  } catch {
    // What is not known to be ours is not removed.
    return null;
  }
}

function isSame(a: FileIdentity, b: FileIdentity | null): boolean {
  return a.device === b?.device && a.inode === b.inode;
}
