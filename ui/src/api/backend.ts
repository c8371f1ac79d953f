import { invoke, isTauri } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Commands, UiEvent } from "@/api/bindings";
import { BackendError, toBackendError, unreachable } from "@/api/errors";

export type CommandName = keyof Commands;
export type Request<K extends CommandName> = Commands[K]["request"];
export type Response<K extends CommandName> = Commands[K]["response"];

/** Whether events arrive. While they do not, what is on the screen may be old. */
export type Link = "open" | "lost";

export interface Listener {
  onEvent: (event: UiEvent) => void;
  onLink: (link: Link) => void;
}

interface Transport {
  call: (name: CommandName, request: unknown) => Promise<unknown>;
  subscribe: (listener: Listener) => () => void;
  /** Whether links to other sites open by themselves in the person's browser. */
  opensPages: boolean;
}

const TOKEN = "patchbay.token";

const desktop: Transport = {
  opensPages: true,
  async call(name, request) {
    try {
      return await invoke("call", { name, request });
    } catch (error) {
      throw toBackendError(error);
    }
  },
  subscribe(listener) {
    const stop = listen<UiEvent>("patchbay://event", (event) => listener.onEvent(event.payload));
    listener.onLink("open");
    return () => {
      void stop.then((end) => end());
    };
  },
};

const browser: Transport = {
  opensPages: false,
  async call(name, request) {
    const response = await fetch(`/api/${name}`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Patchbay": "1",
        Authorization: `Bearer ${token()}`,
      },
      body: JSON.stringify(request),
    }).catch((error: unknown) => {
      throw unreachable(error);
    });
    const text = await response.text();
    const body = parse(text);
    if (response.ok) {
      return body;
    }
    if (response.status === 401) {
      throw new BackendError({
        code: "sign_in_needed",
        message: "This page may not talk to Patchbay.",
        hint: "Open the address that Patchbay printed when it started, with everything after the #.",
      });
    }
    throw body === undefined ? unreachable(`${response.status} ${text}`) : toBackendError(body);
  },
  subscribe(listener) {
    const source = new EventSource(`/api/events?token=${encodeURIComponent(token())}`);
    source.onopen = () => listener.onLink("open");
    source.onerror = () => listener.onLink("lost");
    source.onmessage = (message: MessageEvent<string>) => {
      const event = parse(message.data);
      if (event !== undefined) {
        listener.onEvent(event as UiEvent);
      }
    };
    return () => source.close();
  },
};

const transport: Transport = isTauri() ? desktop : browser;

/** Whether a page at a platform is opened by the core; in a browser page the page opens it itself. */
export const coreOpensPages = transport.opensPages;

/** Runs a command of the core. Throws a `BackendError`. */
export async function call<K extends CommandName>(
  name: K,
  request: Request<K>,
): Promise<Response<K>> {
  // The types on both sides come from the same registry, which checks every request.
  return (await transport.call(name, request)) as Response<K>;
}

/** Hears what happens in the core until the returned function is called. */
export function subscribe(listener: Listener): () => void {
  return transport.subscribe(listener);
}

/** The token that `patchbay serve` put behind the # of the address; kept for reloads of this tab. */
function token(): string {
  const given = new URLSearchParams(window.location.hash.replace(/^#\/?\??/, "")).get("token");
  if (given !== null) {
    window.sessionStorage.setItem(TOKEN, given);
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
  }
  return given ?? window.sessionStorage.getItem(TOKEN) ?? "";
}

// Before the router reads the address, and only where there is one.
if (typeof window !== "undefined" && !isTauri()) {
  token();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
