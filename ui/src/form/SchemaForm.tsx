import { X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { IconButton } from "@/components/Button";
import { Field, Input, Select, Textarea } from "@/components/Field";
import {
  chosenBranch,
  type FormField,
  type FormValues,
  isKept,
  pathKey,
  shown,
  valueAt,
  withBranch,
  withValue,
} from "@/form/schema";
import { fromPicker, toPicker } from "@/form/validate";

type Props = {
  fields: readonly FormField[];
  groups: ReadonlyMap<string, string>;
  values: FormValues;
  /** What is stored, to say which secrets may stay as they are. */
  stored: unknown;
  errors: ReadonlyMap<string, string>;
  /** Fields that somebody else fills in. */
  filled?: ReadonlySet<string>;
  onChange: (values: FormValues) => void;
};

/** The settings of a connector: what must be filled in first, the rest folded away. */
export function SchemaForm(props: Props) {
  const { fields, errors, stored } = props;
  const isFirst = (field: FormField) =>
    field.required ||
    field.alwaysShow ||
    field.kind === "choice" ||
    valueAt(stored, field.path) !== undefined;
  const first = fields.filter(isFirst);
  const more = fields.filter((field) => !isFirst(field));
  const hasError = more.some((field) => [...errors.keys()].some((key) => isBelow(key, field)));
  return (
    <>
      <Grouped {...props} fields={first} />
      {more.length > 0 && (
        <details
          // What is wrong must be in sight.
          open={hasError || first.length === 0 || undefined}
          className="rounded-lg border border-line px-3 py-2"
        >
          <summary className="font-strong">More settings ({more.length})</summary>
          <div className="mt-3 grid gap-4">
            <Grouped {...props} fields={more} />
          </div>
        </details>
      )}
    </>
  );
}

function isBelow(key: string, field: FormField): boolean {
  const own = pathKey(field.path);
  return key === own || key.startsWith(`${own}.`);
}

/** Fields under the headings of their groups, in the order in which groups first come. */
function Grouped({ fields, groups, ...rest }: Props) {
  const ids = [...new Set(fields.map((field) => field.group))];
  return ids.map((id) => {
    const inside = fields.filter((field) => field.group === id);
    const inputs = inside.map((field) => (
      <FieldInput key={pathKey(field.path)} field={field} groups={groups} {...rest} />
    ));
    if (id === null || ids.length === 1) {
      return inputs;
    }
    return (
      <fieldset key={id} className="m-0 grid gap-4 border-0 p-0">
        <legend className="mb-2 p-0 text-xs font-semibold text-ink3 uppercase">
          {groups.get(id) ?? id}
        </legend>
        {inputs}
      </fieldset>
    );
  });
}

type FieldProps = Omit<Props, "fields"> & { field: FormField };

function FieldInput(props: FieldProps) {
  const { field, values, errors, stored, filled, onChange } = props;
  const key = pathKey(field.path);
  if (filled?.has(key)) {
    return null;
  }
  const value = valueAt(values, field.path);
  const set = (next: unknown) => onChange(withValue(values, field.path, next));
  const kept = isKept(valueAt(stored, field.path));
  const error = errors.get(key);
  const wrap = (children: Parameters<typeof Field>[0]["children"], hint = field.hint) => (
    <Field label={field.label} hint={hint} error={error} required={field.required}>
      {children}
    </Field>
  );
  switch (field.kind) {
    case "text": {
      const placeholder = kept ? "Kept as it is" : (field.example ?? undefined);
      if (field.secret && !field.multiline) {
        return wrap((control) => (
          <Input
            {...control}
            name={key}
            type="password"
            autoComplete="new-password"
            placeholder={placeholder}
            value={asText(value)}
            onChange={(event) => set(event.currentTarget.value)}
          />
        ));
      }
      if (field.format === "date-time" || field.format === "date") {
        return wrap((control) => (
          <DateInput
            field={field}
            control={control}
            name={key}
            text={asText(value)}
            onChange={set}
          />
        ));
      }
      return wrap((control) =>
        field.multiline ? (
          <Textarea
            {...control}
            name={key}
            rows={5}
            placeholder={placeholder}
            value={asText(value)}
            onChange={(event) => set(event.currentTarget.value)}
          />
        ) : (
          <Input
            {...control}
            name={key}
            type={field.format === "email" ? "email" : field.format === "uri" ? "url" : "text"}
            placeholder={placeholder}
            value={asText(value)}
            onChange={(event) => set(event.currentTarget.value)}
          />
        ),
      );
    }
    case "number":
      return wrap((control) => (
        <Input
          {...control}
          name={key}
          type={field.secret ? "password" : "text"}
          inputMode={field.whole ? "numeric" : "decimal"}
          placeholder={kept ? "Kept as it is" : (field.example ?? undefined)}
          value={asText(value)}
          onChange={(event) => set(event.currentTarget.value)}
        />
      ));
    case "flag":
      return (
        <label className="flex items-start gap-2">
          <input
            type="checkbox"
            name={key}
            checked={value === true}
            onChange={(event) => set(event.currentTarget.checked)}
            className="mt-0.5 accent-accent"
          />
          <span>
            <span className="font-strong">{field.label}</span>
            {field.hint !== null && <span className="block text-sm text-ink3">{field.hint}</span>}
          </span>
        </label>
      );
    case "option":
      return wrap((control) => (
        <Select
          {...control}
          name={key}
          value={field.options.indexOf(value)}
          onChange={(event) => set(field.options[Number(event.currentTarget.value)])}
        >
          <option value={-1}>{field.required ? "Choose one" : "Not set"}</option>
          {field.options.map((option, index) => (
            <option key={shown(option)} value={index}>
              {shown(option)}
            </option>
          ))}
        </Select>
      ));
    case "list":
      return field.options === null ? (
        wrap((control) => (
          <ListInput
            control={control}
            name={key}
            label={field.label}
            items={Array.isArray(value) ? value.map(shown) : []}
            example={field.example}
            secret={field.secret}
            onChange={set}
          />
        ))
      ) : (
        <Ticks field={field} options={field.options} value={value} error={error} onChange={set} />
      );
    case "json":
      return wrap(
        (control) => (
          <Textarea
            {...control}
            name={key}
            rows={4}
            className="font-mono text-sm"
            placeholder={field.example ?? "{ }"}
            value={
              typeof value === "string"
                ? value
                : value === undefined
                  ? ""
                  : JSON.stringify(value, null, 2)
            }
            onChange={(event) => set(event.currentTarget.value)}
          />
        ),
        [field.hint, "As JSON."].filter((part) => part !== null).join(" "),
      );
    case "group":
      return (
        <Box label={field.label} hint={field.hint} required={field.required}>
          {field.fields.map((below) => (
            <FieldInput {...props} key={pathKey(below.path)} field={below} />
          ))}
        </Box>
      );
    case "choice": {
      const index = chosenBranch(field, values);
      const branch = field.branches[index];
      return (
        <Box label={field.label} hint={field.hint} required={field.required}>
          <Field label="Kind" hint={branch?.hint ?? undefined} required error={error}>
            {(control) => (
              <Select
                {...control}
                name={key}
                value={index}
                onChange={(event) =>
                  onChange(withBranch(field, values, Number(event.currentTarget.value)))
                }
              >
                {field.branches.map((each, at) => (
                  <option key={each.title} value={at}>
                    {each.title}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {[...field.fields, ...(branch?.fields ?? [])].map((below) => (
            <FieldInput {...props} key={pathKey(below.path)} field={below} />
          ))}
        </Box>
      );
    }
  }
}

function asText(value: unknown): string {
  return value === undefined || value === null ? "" : shown(value);
}

type BoxProps = { label: string; hint: string | null; required: boolean; children: ReactNode };

/** Settings that belong together. */
function Box({ label, hint, required, children }: BoxProps) {
  return (
    <fieldset className="m-0 grid gap-3 rounded-lg border border-line px-3 pt-1 pb-3">
      <legend className="px-1 font-strong">
        {label}
        {!required && <span className="font-normal text-ink3"> (optional)</span>}
      </legend>
      {hint !== null && <p className="m-0 text-sm text-ink3">{hint}</p>}
      {children}
    </fieldset>
  );
}

type Control = {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
  required: boolean;
};

type DateProps = {
  field: Extract<FormField, { kind: "text" }>;
  control: Control;
  name: string;
  text: string;
  onChange: (text: string) => void;
};

/** A date by picker; what no picker can show is shown as text. */
function DateInput({ field, control, name, text, onChange }: DateProps) {
  const [typing, setTyping] = useState(text !== "" && toPicker(text) === "");
  const isDay = field.format === "date";
  return (
    <span className="grid grid-cols-[1fr_auto] items-center gap-2">
      {typing ? (
        <Input
          {...control}
          name={name}
          placeholder={field.patternWords ?? field.example ?? undefined}
          value={text}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      ) : (
        <Input
          {...control}
          name={name}
          type={isDay ? "date" : "datetime-local"}
          step={isDay ? undefined : 1}
          value={isDay ? text.slice(0, 10) : toPicker(text)}
          onChange={(event) => {
            const picked = event.currentTarget.value;
            onChange(isDay ? picked : fromPicker(picked, field.pattern));
          }}
        />
      )}
      <span className="flex items-center gap-1.5 text-sm text-ink3">
        {!typing && !isDay && "UTC"}
        <button
          type="button"
          onClick={() => setTyping(!typing)}
          className="rounded-sm border-0 bg-transparent px-1 text-sm text-ink2 underline hover:text-ink"
        >
          {typing ? "Pick it" : "Type it"}
        </button>
      </span>
    </span>
  );
}

type ListProps = {
  control: Control;
  name: string;
  label: string;
  items: string[];
  example: string | null;
  secret: boolean;
  onChange: (items: string[]) => void;
};

/** Several texts: Enter or a comma takes what was typed. */
function ListInput({ control, name, label, items, example, secret, onChange }: ListProps) {
  const [typed, setTyped] = useState("");
  const take = () => {
    const more = typed
      .split(/[,\n]/)
      .map((each) => each.trim())
      .filter((each) => each !== "" && !items.includes(each));
    if (more.length > 0) {
      onChange([...items, ...more]);
    }
    setTyped("");
  };
  return (
    <span className="grid gap-1.5">
      {items.length > 0 && (
        <ul aria-label={label} className="m-0 flex list-none flex-wrap gap-1.5 p-0">
          {items.map((item) => (
            <li
              key={item}
              className="inline-flex items-center gap-0.5 rounded-md bg-sunk pl-2 font-mono text-sm"
            >
              {secret ? "••••" : item}
              <IconButton
                label={`Remove ${secret ? "this one" : item}`}
                icon={<X aria-hidden size={12} />}
                onClick={() => onChange(items.filter((each) => each !== item))}
              />
            </li>
          ))}
        </ul>
      )}
      <Input
        {...control}
        required={control.required && items.length === 0}
        name={name}
        type={secret ? "password" : "text"}
        placeholder={example ?? "Type one and press Enter"}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={take}
        onKeyDown={(event) => {
          if (event.key === "Enter" || event.key === ",") {
            event.preventDefault();
            take();
          } else if (event.key === "Backspace" && typed === "") {
            onChange(items.slice(0, -1));
          }
        }}
      />
    </span>
  );
}

type TicksProps = {
  field: FormField;
  options: unknown[];
  value: unknown;
  error: string | undefined;
  onChange: (value: unknown[]) => void;
};

function Ticks({ field, options, value, error, onChange }: TicksProps) {
  const chosen = Array.isArray(value) ? value : [];
  return (
    <Box label={field.label} hint={field.hint} required={field.required}>
      {options.map((option) => (
        <label key={shown(option)} className="flex items-center gap-2">
          <input
            type="checkbox"
            checked={chosen.includes(option)}
            onChange={(event) =>
              onChange(
                event.currentTarget.checked
                  ? [...chosen, option]
                  : chosen.filter((each) => each !== option),
              )
            }
            className="accent-accent"
          />
          {shown(option)}
        </label>
      ))}
      {error !== undefined && (
        <span role="alert" className="text-sm text-bad">
          {error}
        </span>
      )}
    </Box>
  );
}
