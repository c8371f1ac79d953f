import { landing } from "./journey";
import type { Patchbay } from "./serve";

type Named = { id: string };
type Rule = { target: string };
type Mapping = { version: number; rules: Rule[] };

/** Connects a sample platform without a page. */
async function connected(patchbay: Patchbay, connector: string): Promise<string> {
  const connectors = await patchbay.call<(Named & { config: { name: string; default: string }[] })[]>(
    "list_connectors",
  );
  const fields = connectors.find((each) => each.id === connector)?.config ?? [];
  const { id: flow } = await patchbay.call<Named>("start_connect", {
    connector,
    auth_method: "oauth",
    name: "",
    config: Object.fromEntries(fields.map((field) => [field.name, field.default])),
  });
  const url = await landing(await told(patchbay, flow, (each) => each.authorize_url));
  await patchbay.call("paste_redirect", { flow, url });
  const result = await told(patchbay, flow, (each) => each.result);
  if (result.connection === undefined) {
    throw new Error(`${connector} was not connected: ${JSON.stringify(result)}`);
  }
  return result.connection;
}

type Flow = {
  authorize_url?: string | null;
  result?: { kind: string; connection?: string } | null;
};

/** Waits until a sign-in tells something. */
async function told<T>(
  patchbay: Patchbay,
  flow: string,
  what: (flow: Flow) => T | null | undefined,
): Promise<T> {
  for (;;) {
    const found = what(await patchbay.call<Flow>("get_connect_flow", { flow }));
    if (found !== undefined && found !== null) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const value = (target: string, value: string) => ({
  target,
  origin: { kind: "constant", value },
  steps: [],
  on_failure: { kind: "hold" },
});

/** A published sync of Harbor's contacts to Postino's subscribers, mapped by suggestion, onto a list of Postino. */
export async function publishedSync(patchbay: Patchbay, list = "lst_main"): Promise<string> {
  await patchbay.call("start_sample_platforms");
  const source = { connection: await connected(patchbay, "harbor"), stream: "contacts" };
  const target = { connection: await connected(patchbay, "postino"), stream: "subscribers" };
  const { id: sync } = await patchbay.call<Named>("create_sync", {
    name: "",
    source,
    target,
    mode: "upsert",
    match_on: ["email_address"],
  });
  const { mapping } = await patchbay.call<{ mapping: Mapping }>("get_sync", { sync });
  const { suggestions } = await patchbay.call<{ suggestions: { rule: Rule; ticked: boolean }[] }>(
    "suggest_mapping",
    { sync, mapping },
  );
  const rules = suggestions.filter((each) => each.ticked).map((each) => each.rule);
  // Not a suggestion's business: which list is a decision.
  const typed = [value("list_id", list), value("status", "subscribed")].filter(
    (rule) => !rules.some((each) => each.target === rule.target),
  );
  await patchbay.call("save_draft", { sync, mapping: { ...mapping, rules: [...rules, ...typed] } });
  await patchbay.call("publish_sync", { sync });
  return sync;
}

const copied = (target: string, source: string) => ({
  target,
  origin: { kind: "fields", paths: [source] },
  steps: [],
  on_failure: { kind: "skip" },
});

/** A published sync between Harbor's contacts and Postino's subscribers in which notes and job titles flow both ways. */
export async function twoWaySync(patchbay: Patchbay): Promise<string> {
  const sync = await publishedSync(patchbay);
  const { mapping, guards } = await patchbay.call<{ mapping: Mapping; guards: object }>("get_sync", {
    sync,
  });
  const rules = [
    copied("email_address", "email"),
    copied("notes", "job_title"),
    value("list_id", "lst_main"),
    value("status", "subscribed"),
  ];
  await patchbay.call("save_draft", {
    sync,
    mapping: { ...mapping, rules },
    guards: { ...guards, max_update_percent: 100 },
    two_way: {
      policy: "merge",
      truth: "source",
      creates_on_source: false,
      read_only: "ignore",
      fields: [],
    },
  });
  await patchbay.call("publish_sync", { sync });
  return sync;
}

/** Puts another fixed value into the draft of a sync, as another program would. */
export async function drafted(
  patchbay: Patchbay,
  sync: string,
  target: string,
  text: string,
): Promise<void> {
  const { mapping } = await patchbay.call<{ mapping: Mapping }>("get_sync", { sync });
  const rules = mapping.rules.map((rule) => (rule.target === target ? value(target, text) : rule));
  await patchbay.call("save_draft", { sync, mapping: { ...mapping, rules } });
}

/** Puts another fixed value into a published sync and publishes it again. */
export async function republished(
  patchbay: Patchbay,
  sync: string,
  target: string,
  text: string,
): Promise<void> {
  await drafted(patchbay, sync, target, text);
  await patchbay.call("publish_sync", { sync });
}
