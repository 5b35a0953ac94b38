// Requests to the server that this page comes from, and whether it still runs.

export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status; // 0: no answer
  }
}

/** Sends a request and returns its answer; throws a ServerError with a sentence for the person. */
export async function ask(name, fields = {}, options = {}) {
  let response;
  try {
    response = await fetch(name, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
      ...options,
    });
  } catch {
    throw new ServerError("The server does not answer.", 0);
  }
  const answer = await response.json().catch(() => ({ error: "The server has sent no JSON." }));
  if (!response.ok) {
    throw new ServerError(sentence(answer.error), response.status);
  }
  return answer;
}

/** Calls `tell` with a sentence when the server has stopped, and with "" when it answers again. */
export function watch(tell, milliseconds = 2000) {
  const look = async () => {
    try {
      const response = await fetch("alive", { cache: "no-store" });
      tell(response.ok ? "" : "Another server runs at this address now: open the address that it has printed.");
    } catch {
      tell("The server has stopped. Start it again, and open the address that it prints.");
    }
    setTimeout(look, milliseconds);
  };
  look();
}

function sentence(text) {
  const trimmed = String(text ?? "The server has given no reason.").trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}
