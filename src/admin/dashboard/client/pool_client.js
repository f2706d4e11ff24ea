/** Asks the pool that serves this page, and no one else. */

/** Longest wait for figures, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Before the next try to follow the events, in milliseconds. */
const RETRY_MS = 2000;

export async function fetchJson(path) {
  const response = await fetch(path, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${response.status}`);
  return await response.json();
}

/**
 * Gives a command to the run of the pool that is shown, and to no other that
 * may have taken its port. Returns the status and what the pool says.
 */
export async function command(path, body, instanceId) {
  const response = await fetch(path, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Prefork-Instance": instanceId,
    },
    body: JSON.stringify(body),
  });
  let said = {};
  try {
    said = await response.json();
  } catch {
    // Not the pool's words: somebody in between has responded.
  }
  return { status: response.status, said };
}

/**
 * Follows the events, and comes back when the stream ends. Not with an
 * EventSource: that would have to know the name of every event.
 */
export async function followEvents(take) {
  let lastId = 0;
  for (;;) {
    try {
      const { body } = await fetch(`/_events?since=${lastId}`);
      let rest = "";
      for await (const text of chunksOf(body)) {
        const messages = (rest + text).split("\n\n");
        rest = messages.pop();
        for (const message of messages) {
          const [, id] = /^id: (\d+)$/m.exec(message) ?? [];
          const [, data] = /^data: (.*)$/m.exec(message) ?? [];
          if (id === undefined) continue;
          lastId = id;
          take(JSON.parse(data), Number(id));
        }
      }
    } catch {
      // The pool is gone for the moment: whoever fetches the figures says so.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Texts of a body. Not every browser iterates over a stream. */
async function* chunksOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
