import { Copy } from "lucide-react";
import type { AdvancedAuthView, AuthMethodView, ConfigField } from "@/api/bindings";
import { IconButton } from "@/components/Button";
import { Field, Input, Textarea } from "@/components/Field";
import { copyText } from "@/components/Problem";
import { SchemaForm } from "@/form/SchemaForm";
import type { AccountForm } from "@/form/use-account-form";

type Props = { form: AccountForm; oauth: AdvancedAuthView | null };

/** The fields of a connect form: how to sign in, the connector's settings, what the sign-in asks for. */
export function AccountFields({ form, oauth }: Props) {
  const steps =
    oauth !== null && form.opensBrowser ? oauth.checklist : (form.method?.checklist ?? []);
  return (
    <>
      {form.methods.length > 1 && (
        <MethodChoice
          methods={form.methods}
          chosen={form.method?.name}
          onChoose={form.chooseMethod}
        />
      )}
      {form.intro !== null && form.fields.length > 0 && (
        <p className="m-0 text-sm text-ink2">{form.intro}</p>
      )}
      <SchemaForm
        fields={form.fields}
        groups={form.groups}
        values={form.values}
        stored={form.stored}
        errors={form.errors}
        filled={form.filled}
        onChange={form.setValues}
      />
      {form.asked.map((field) => (
        <AskedInput
          key={field.name}
          field={field}
          value={form.answers[field.name] ?? ""}
          error={form.errors.get(field.name)}
          onChange={(value) => form.answer(field.name, value)}
        />
      ))}
      {steps.length > 0 && (
        <section
          aria-label="Before you sign in"
          className="rounded-lg border border-line bg-sunk px-3 py-2.5"
        >
          <p className="m-0 font-strong">Before you sign in</p>
          <ol className="mt-1 mb-0 grid list-decimal gap-1 pl-5 text-ink2">
            {steps.map((step) => (
              <li key={step} className="break-words select-text">
                <Step text={step} />
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

/** What to do at the platform; an address in it, such as the one to register there, can be copied. */
function Step({ text }: { text: string }) {
  const address = /https?:\/\/[^\s,;]+/.exec(text)?.[0];
  if (address === undefined) {
    return text;
  }
  const at = text.indexOf(address);
  return (
    <>
      {text.slice(0, at)}
      <code className="font-mono text-sm break-all text-ink">{address}</code>
      <IconButton
        label="Copy the address"
        icon={<Copy aria-hidden size={13} />}
        className="ml-1 size-6 align-middle"
        onClick={() => void copyText(address, "The address")}
      />
      {text.slice(at + address.length)}
    </>
  );
}

type MethodProps = {
  methods: AuthMethodView[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
};

function MethodChoice({ methods, chosen, onChoose }: MethodProps) {
  return (
    <fieldset className="m-0 grid gap-1.5 border-0 p-0">
      <legend className="mb-1 p-0 font-strong">How to sign in</legend>
      {methods.map((each) => (
        <label
          key={each.name}
          className="flex items-center gap-2 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft"
        >
          <input
            type="radio"
            name="auth-method"
            value={each.name}
            checked={each.name === chosen}
            onChange={() => onChoose(each.name)}
            className="accent-accent"
          />
          {each.label}
        </label>
      ))}
    </fieldset>
  );
}

type AskedProps = {
  field: ConfigField;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
};

function AskedInput({ field, value, error, onChange }: AskedProps) {
  return (
    <Field label={field.label} hint={field.description} error={error} required={field.required}>
      {(control) =>
        field.lines ? (
          <Textarea
            {...control}
            name={field.name}
            rows={5}
            autoComplete="off"
            className="font-mono"
            value={value}
            placeholder={field.placeholder ?? undefined}
            onChange={(event) => onChange(event.currentTarget.value)}
          />
        ) : (
          <Input
            {...control}
            name={field.name}
            type={field.secret ? "password" : "text"}
            autoComplete={field.secret ? "new-password" : "off"}
            value={value}
            placeholder={field.placeholder ?? undefined}
            onChange={(event) => onChange(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}
