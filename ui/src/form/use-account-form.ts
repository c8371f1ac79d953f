import { type FocusEvent, useState } from "react";
import type {
  AuthMethodView,
  ConfigField,
  ConnectionDetail,
  ConnectorDetail,
} from "@/api/bindings";
import {
  beginning,
  type FormField,
  type FormValues,
  leaves,
  pathKey,
  readForm,
  readGroups,
  readIntro,
  valueAt,
} from "@/form/schema";
import { isEmpty, output, problems } from "@/form/validate";

export type AccountForm = {
  methods: AuthMethodView[];
  method: AuthMethodView | undefined;
  chooseMethod: (name: string) => void;
  /** What is to be said of the settings as a whole. */
  intro: string | null;
  fields: FormField[];
  groups: Map<string, string>;
  values: FormValues;
  setValues: (values: FormValues) => void;
  stored: unknown;
  /** What the sign-in itself asks for. */
  asked: ConfigField[];
  answers: Record<string, string>;
  answer: (name: string, value: string) => void;
  errors: Map<string, string>;
  /** The form's `onBlur`: what is wrong with a field is said once the caret has left it. */
  leave: (event: FocusEvent) => void;
  /** Settings that signing in through the browser fills in. */
  filled: Set<string>;
  /** Whether signing in goes through the browser. */
  opensBrowser: boolean;
  /** What is sent, or the name of the first field that has to be looked at. */
  submit: () =>
    | { ok: true; auth_method: string; config: FormValues }
    | { ok: false; first: string };
};

/** What is typed into a connect form, whichever page it stands on. */
export function useAccountForm(
  connector: ConnectorDetail,
  existing: ConnectionDetail | undefined,
): AccountForm {
  const stored = existing?.settings ?? {};
  const oauth = connector.oauth ?? null;
  const all = connector.summary.auth;
  const [chosen, setChosen] = useState(existing?.auth_method ?? all[0]?.name ?? "");
  // Only what the person changed is kept, so that a default which is known later still fills its field.
  const [touched, setTouched] = useState<FormValues>({});
  const values = { ...beginning(connector.specification, stored), ...touched };
  const setValues = (next: FormValues) =>
    setTouched((old) => ({
      ...old,
      ...Object.fromEntries(Object.entries(next).filter(([name, value]) => value !== values[name])),
    }));
  const [answers, setAnswers] = useState<Record<string, string>>({});
  // Fields that the caret has left, and whether it was tried to send all of them.
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [wasSent, setWasSent] = useState(false);
  // Where the settings decide whether it goes through the browser, there is nothing to choose.
  const applies =
    oauth !== null &&
    (oauth.predicate.length === 0 || valueAt(values, oauth.predicate) === oauth.predicate_value);
  const wanted = oauth === null ? chosen : applies ? oauth.auth_method : "settings";
  const method = all.find((each) => each.name === wanted) ?? all[0];
  const filled = new Set(applies ? (oauth?.fills ?? []).map(pathKey) : []);
  const asked = method?.fields ?? [];
  const taken = new Set(asked.map((field) => field.name));
  const fields = readForm(connector.specification).filter(
    (field) => !(field.path.length === 1 && taken.has(field.name)),
  );
  const opensBrowser = applies || method?.kind === "browser";

  const found = problems(fields, values, stored);
  for (const key of filled) {
    found.delete(key);
  }
  for (const field of asked) {
    if (field.required && !answers[field.name]?.trim()) {
      found.set(field.name, `${field.label} is needed`);
    }
  }
  const open = leaves(fields, values);
  // What is wrong is said once a field has been left, what is missing when all of it is sent.
  const isSaid = (key: string) => {
    const field = open.find((each) => pathKey(each.path) === key);
    return left.has(key) && field !== undefined && !isEmpty(valueAt(values, field.path));
  };
  const errors = wasSent ? found : new Map([...found].filter(([key]) => isSaid(key)));

  return {
    methods: oauth === null ? all : [],
    method,
    chooseMethod: setChosen,
    intro: readIntro(connector.specification),
    fields,
    groups: readGroups(connector.specification),
    values,
    setValues,
    stored,
    asked,
    answers,
    answer: (name, value) => setAnswers((old) => ({ ...old, [name]: value })),
    errors,
    leave: ({ target }) => {
      const name = target.getAttribute("name");
      setLeft((old) => (name === null || old.has(name) ? old : new Set([...old, name])));
    },
    filled,
    opensBrowser,
    submit: () => {
      setWasSent(true);
      const inOrder = [
        ...open.map((field) => pathKey(field.path)),
        ...asked.map((field) => field.name),
      ];
      const first = inOrder.find((key) => found.has(key));
      if (first !== undefined) {
        return { ok: false, first };
      }
      const given = Object.fromEntries(
        asked.map((field) => [field.name, answers[field.name] ?? ""]),
      );
      return {
        ok: true,
        auth_method: method?.name ?? "",
        config: { ...output(fields, values), ...given },
      };
    },
  };
}

/** Brings a field into view and the caret into it, also inside what is folded away. */
export function focusField(name: string): void {
  // After the page has opened what was folded around it.
  requestAnimationFrame(() => {
    const [found] = document.getElementsByName(name);
    found?.closest("details")?.setAttribute("open", "");
    found?.focus();
  });
}
