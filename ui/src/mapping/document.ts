/**
 * Commands on the mapping document. Each takes a document and gives the next one; nothing is changed in place.
 *
 * A document has at most one rule per target field. Where a rule has several source fields its first step
 * must join them: `combine` puts `concat` there, `coalesce` puts `coalesce`, and taking fields away until one is
 * left takes the joining step away too.
 */
import type { FixView, Mapping, OnFailure, Origin, Rule, Step } from "@/api/bindings";

/** A cable: one source field of one rule. */
export type Cable = { source: string; target: string; order: number; kind: "field" | "expression" };

/** Steps that take the values of several fields. */
const JOINING = new Set(["concat", "coalesce", "join", "phone_e164", "country_code"]);
/** Those of them that have nothing to do for one field. */
const ONLY_JOINING = new Set(["concat", "coalesce", "join"]);

export const emptyMapping: Mapping = { version: 1, rules: [] };

export function ruleOf(mapping: Mapping, target: string): Rule | undefined {
  return mapping.rules.find((rule) => rule.target === target);
}

/** The source fields that an origin reads. */
export function sourcesOf(origin: Origin): string[] {
  switch (origin.kind) {
    case "fields":
      return origin.paths;
    case "constant":
      return [];
    case "expression":
      return fieldsInTemplate(origin.template);
  }
}

/** Every cable of the document, in the order of its rules. */
export function cablesOf(mapping: Mapping): Cable[] {
  return mapping.rules.flatMap((rule) =>
    sourcesOf(rule.origin).map((source, order) => ({
      source,
      target: rule.target,
      order,
      kind: rule.origin.kind === "expression" ? ("expression" as const) : ("field" as const),
    })),
  );
}

/** Fields that a template reads as `record.a.b` or `record["a"]`. */
export function fieldsInTemplate(template: string): string[] {
  const found = template.matchAll(
    /\brecord((?:\.[A-Za-z_]\w*|\[\d+\]|\["[^"\\]+"\]|\['[^'\\]+'\])+)/g,
  );
  const paths = Array.from(found, ([, tail]) =>
    (tail ?? "")
      .replace(/\[(["'])([^"'\\]+)\1\]/g, (_, _quote: string, name: string) =>
        /^[^.[\]"]+$/.test(name) ? `.${name}` : `["${name}"]`,
      )
      .replace(/^\./, ""),
  );
  return [...new Set(paths)];
}

/** Writes a rule into the document, in place of the one that its target has. */
export function putRule(mapping: Mapping, rule: Rule): Mapping {
  const at = mapping.rules.findIndex((other) => other.target === rule.target);
  const rules = at < 0 ? [...mapping.rules, rule] : mapping.rules.with(at, rule);
  return { ...mapping, rules };
}

function edit(mapping: Mapping, target: string, change: (rule: Rule) => Rule): Mapping {
  const rule = ruleOf(mapping, target);
  if (!rule) {
    return mapping;
  }
  const next = change(rule);
  return next === rule ? mapping : putRule(mapping, next);
}

/** A rule of which only the target is known. */
function fresh(target: string, origin: Origin, steps: Step[] = []): Rule {
  return { target, origin, steps, on_failure: { kind: "hold" } };
}

export function step(name: string, parameters: Record<string, unknown> = {}): Step {
  return { name, with: parameters };
}

/** Fills a target from these fields alone; what filled it before is gone. */
export function link(
  mapping: Mapping,
  target: string,
  paths: string[],
  steps: Step[] = [],
): Mapping {
  const joined =
    paths.length > 1 && !(steps[0] && JOINING.has(steps[0].name))
      ? [step("concat"), ...steps]
      : steps;
  return putRule(mapping, fresh(target, { kind: "fields", paths }, joined));
}

/** Adds fields to those that fill a target, joined into one text. */
export function combine(mapping: Mapping, target: string, paths: string[]): Mapping {
  return add(mapping, target, paths, "concat");
}

/** Adds fields to a target: the first that is not empty is taken. */
export function coalesce(mapping: Mapping, target: string, paths: string[]): Mapping {
  return add(mapping, target, paths, "coalesce");
}

function add(
  mapping: Mapping,
  target: string,
  paths: string[],
  joiner: "concat" | "coalesce",
): Mapping {
  const rule = ruleOf(mapping, target);
  if (!rule) {
    return link(mapping, target, paths, paths.length > 1 ? [step(joiner)] : []);
  }
  const { origin } = rule;
  switch (origin.kind) {
    case "fields": {
      const added = paths.filter((path) => !origin.paths.includes(path));
      if (added.length === 0) {
        return mapping;
      }
      const [first, ...rest] = rule.steps;
      const steps =
        first && JOINING.has(first.name)
          ? first.name === joiner
            ? rule.steps
            : [step(joiner), ...rest]
          : [step(joiner), ...rule.steps];
      return putRule(mapping, {
        ...rule,
        origin: { kind: "fields", paths: [...origin.paths, ...added] },
        steps,
      });
    }
    case "constant":
      // A constant has no field to join with: as a fall-back it becomes the default, in a text it is written out.
      return joiner === "coalesce"
        ? putRule(mapping, {
            ...(link(mapping, target, paths, [
              ...(paths.length > 1 ? [step("coalesce")] : []),
              step("default_if_empty", { value: origin.value }),
            ]).rules.find((next) => next.target === target) ?? rule),
            on_failure: rule.on_failure,
          })
        : setExpression(
            mapping,
            target,
            [String(origin.value), ...paths.map(templateOf)].join(" "),
          );
    case "expression":
      return setExpression(
        mapping,
        target,
        joiner === "coalesce"
          ? `${origin.template}${paths.map((path) => `{{ ${fieldInTemplate(path)} or "" }}`).join("")}`
          : [origin.template, ...paths.map(templateOf)].join(" "),
      );
  }
}

/** How a field is written inside a template. */
function fieldInTemplate(path: string): string {
  return `record${path.startsWith("[") ? "" : "."}${path}`;
}

function templateOf(path: string): string {
  return `{{ ${fieldInTemplate(path)} }}`;
}

/** Reads another source field in place of one. */
export function replaceSource(
  mapping: Mapping,
  target: string,
  instead_of: string,
  path: string,
): Mapping {
  return edit(mapping, target, (rule) => {
    if (rule.origin.kind !== "fields") {
      return rule;
    }
    const paths = rule.origin.paths.map((each) => (each === instead_of ? path : each));
    return { ...rule, origin: { kind: "fields", paths: [...new Set(paths)] } };
  });
}

/** Lets a rule fill another field: for targets that the platform no longer has. */
export function moveRule(mapping: Mapping, from: string, to: string): Mapping {
  const rule = ruleOf(mapping, from);
  if (!rule || from === to) {
    return mapping;
  }
  return putRule(unlink(mapping, [from]), { ...rule, target: to });
}

/** Takes the rules of these targets away. */
export function unlink(mapping: Mapping, targets: string[]): Mapping {
  const rules = mapping.rules.filter((rule) => !targets.includes(rule.target));
  return rules.length === mapping.rules.length ? mapping : { ...mapping, rules };
}

/** Takes one cable away; with the last one the rule goes too. */
export function unlinkSource(mapping: Mapping, target: string, path: string): Mapping {
  const rule = ruleOf(mapping, target);
  if (rule?.origin.kind !== "fields" || !rule.origin.paths.includes(path)) {
    return mapping;
  }
  const paths = rule.origin.paths.filter((each) => each !== path);
  if (paths.length === 0) {
    return unlink(mapping, [target]);
  }
  const [first, ...rest] = rule.steps;
  const steps = paths.length === 1 && first && ONLY_JOINING.has(first.name) ? rest : rule.steps;
  return putRule(mapping, { ...rule, origin: { kind: "fields", paths }, steps });
}

export function moveSource(mapping: Mapping, target: string, from: number, to: number): Mapping {
  return edit(mapping, target, (rule) =>
    rule.origin.kind === "fields"
      ? { ...rule, origin: { kind: "fields", paths: moved(rule.origin.paths, from, to) } }
      : rule,
  );
}

export function setConstant(mapping: Mapping, target: string, value: unknown): Mapping {
  return setOrigin(mapping, target, { kind: "constant", value });
}

export function setExpression(mapping: Mapping, target: string, template: string): Mapping {
  return setOrigin(mapping, target, { kind: "expression", template });
}

/** Steps belong to what they were drawn for: a new kind of origin starts without any. */
function setOrigin(mapping: Mapping, target: string, origin: Origin): Mapping {
  const rule = ruleOf(mapping, target);
  if (!rule) {
    return putRule(mapping, fresh(target, origin));
  }
  return putRule(mapping, {
    ...rule,
    origin,
    steps: rule.origin.kind === origin.kind ? rule.steps : [],
  });
}

export function insertStep(mapping: Mapping, target: string, at: number, added: Step): Mapping {
  return edit(mapping, target, (rule) => ({ ...rule, steps: rule.steps.toSpliced(at, 0, added) }));
}

export function removeStep(mapping: Mapping, target: string, at: number): Mapping {
  return edit(mapping, target, (rule) =>
    at < rule.steps.length ? { ...rule, steps: rule.steps.toSpliced(at, 1) } : rule,
  );
}

export function updateStep(
  mapping: Mapping,
  target: string,
  at: number,
  parameters: Record<string, unknown>,
): Mapping {
  return edit(mapping, target, (rule) => {
    const old = rule.steps[at];
    return old ? { ...rule, steps: rule.steps.with(at, { ...old, with: parameters }) } : rule;
  });
}

export function moveStep(mapping: Mapping, target: string, from: number, to: number): Mapping {
  return edit(mapping, target, (rule) => ({ ...rule, steps: moved(rule.steps, from, to) }));
}

function moved<T>(list: T[], from: number, to: number): T[] {
  const taken = list[from];
  if (taken === undefined || to < 0 || to >= list.length || from === to) {
    return list;
  }
  return list.toSpliced(from, 1).toSpliced(to, 0, taken);
}

export function setOnFailure(mapping: Mapping, target: string, on_failure: OnFailure): Mapping {
  return edit(mapping, target, (rule) => ({ ...rule, on_failure }));
}

/** Empty text takes the note away. */
export function setComment(mapping: Mapping, target: string, comment: string): Mapping {
  return edit(mapping, target, ({ comment: _old, ...rule }) =>
    comment.trim() === "" ? rule : { ...rule, comment },
  );
}

/** Takes proposals in, one after the other. What a person drew is never replaced. */
export function applySuggestions(mapping: Mapping, rules: Rule[]): Mapping {
  return rules.reduce(
    (next, rule) => (ruleOf(next, rule.target) ? next : putRule(next, rule)),
    mapping,
  );
}

/** Does what the button of a problem says. */
export function applyFix(mapping: Mapping, fix: FixView): Mapping {
  if (!fix.rule) {
    return unlink(mapping, [fix.target]);
  }
  // A fix may let the rule fill another field; the old place is then empty.
  const without = fix.rule.target === fix.target ? mapping : unlink(mapping, [fix.target]);
  return putRule(without, fix.rule);
}

/** Goes on by hand: the fields become a template, the steps behind them stay. */
export function toExpression(mapping: Mapping, target: string): Mapping {
  return edit(mapping, target, (rule) => {
    if (rule.origin.kind !== "fields") {
      return rule;
    }
    const { paths } = rule.origin;
    const [first, ...rest] = rule.steps;
    if (paths.length > 1 && first?.name === "coalesce") {
      return {
        ...rule,
        origin: {
          kind: "expression",
          template: `{{ ${paths.map(fieldInTemplate).join(" or ")} }}`,
        },
        steps: rest,
      };
    }
    if (paths.length > 1 && first?.name === "concat") {
      const separator = typeof first.with.separator === "string" ? first.with.separator : " ";
      return {
        ...rule,
        origin: { kind: "expression", template: paths.map(templateOf).join(separator) },
        steps: rest,
      };
    }
    const list = paths.map(fieldInTemplate).join(", ");
    return {
      ...rule,
      origin: { kind: "expression", template: `{{ ${paths.length === 1 ? list : `[${list}]`} }}` },
    };
  });
}

/** Back to a cable, where a template only names fields; null where it does more. */
export function fromExpression(rule: Rule): Rule | null {
  if (rule.origin.kind !== "expression") {
    return null;
  }
  const { template } = rule.origin;
  const paths = fieldsInTemplate(template);
  const [only] = paths;
  const plain = template.replace(/\s+/g, "");
  if (only !== undefined && paths.length === 1 && plain === `{{${fieldInTemplate(only)}}}`) {
    return { ...rule, origin: { kind: "fields", paths } };
  }
  if (paths.length > 1 && plain === `{{${paths.map(fieldInTemplate).join("or")}}}`) {
    return { ...rule, origin: { kind: "fields", paths }, steps: [step("coalesce"), ...rule.steps] };
  }
  const between = template.split(/\{\{.*?\}\}/).slice(1, -1);
  const [separator] = between;
  if (
    separator !== undefined &&
    between.every((each) => each === separator) &&
    template === paths.map(templateOf).join(separator)
  ) {
    return {
      ...rule,
      origin: { kind: "fields", paths },
      steps: [step("concat", separator === " " ? {} : { separator }), ...rule.steps],
    };
  }
  return null;
}

/** The chain as a template, for reading. */
export function asTemplate(rule: Rule): string {
  const { origin } = rule;
  if (origin.kind === "constant") {
    return typeof origin.value === "string" ? origin.value : JSON.stringify(origin.value);
  }
  if (origin.kind === "expression" && rule.steps.length === 0) {
    return origin.template;
  }
  const start =
    origin.kind === "expression"
      ? `(${origin.template.replace(/^\s*\{\{\s*|\s*\}\}\s*$/g, "")})`
      : origin.paths.length === 1
        ? fieldInTemplate(origin.paths[0] ?? "")
        : `[${origin.paths.map(fieldInTemplate).join(", ")}]`;
  const filters = rule.steps.map((each) => {
    const parameters = Object.entries(each.with).map(
      ([name, value]) => `${name}=${JSON.stringify(value)}`,
    );
    return parameters.length === 0 ? each.name : `${each.name}(${parameters.join(", ")})`;
  });
  return `{{ ${[start, ...filters].join(" | ")} }}`;
}
