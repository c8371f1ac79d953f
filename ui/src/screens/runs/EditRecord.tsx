import { useNavigate } from "@tanstack/react-router";
import { ArrowLeft, PencilLine, Send } from "lucide-react";
import { useId } from "react";
import type { RunRecordDetail } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button } from "@/components/Button";
import { Field, Input, Select, Textarea } from "@/components/Field";
import { Part } from "@/components/Part";
import { Callout, toastError } from "@/components/Problem";
import { counted } from "@/format/count";
import { valueText } from "@/format/value";
import { edited, fieldsOf, type Given, isLong, typed } from "@/screens/runs/edited";

/** What a person has typed, by field. */
export type Texts = Readonly<Record<string, string>>;

/** Opens the values of a record that could not be written. */
export function EditButton({ onOpen }: { onOpen: () => void }) {
  return (
    <div>
      <Button icon={<PencilLine aria-hidden size={13} />} onClick={onOpen}>
        Send it with other values…
      </Button>
    </div>
  );
}

type Props = { data: RunRecordDetail; texts: Texts; onTexts: (texts: Texts) => void };

/** The values of a record that could not be written, to be changed. */
export function EditRecord({ data, texts, onTexts }: Props) {
  const { fields, refused } = fieldsOf(data);
  const changes = edited(fields, texts);
  const { message } = data.summary;
  return (
    <Part title="Send it with other values">
      <div className="grid gap-3">
        <p className="m-0 text-sm text-ink2">
          They stay on the target until the record changes at the source. The source is not changed.
        </p>
        {message && refused === 0 && <Callout tone="bad" title={message} />}
        {fields.map((field, index) => (
          <Value
            key={field.path}
            field={field}
            text={texts[field.path] ?? typed(field.value)}
            problem={index < refused && !(field.path in changes) ? (message ?? null) : null}
            isChanged={field.path in changes}
            isFirst={index === 0}
            onText={(text) => onTexts({ ...texts, [field.path]: text })}
          />
        ))}
      </div>
    </Part>
  );
}

type ValueProps = {
  field: Given;
  text: string;
  problem: string | null;
  isChanged: boolean;
  isFirst: boolean;
  onText: (text: string) => void;
};

function Value({ field, text, problem, isChanged, isFirst, onText }: ValueProps) {
  return (
    <Field
      label={field.path}
      required
      error={problem}
      hint={isChanged ? `Was ${valueText(field.value)}` : undefined}
    >
      {(control) => {
        const all = {
          ...control,
          required: false,
          // The person has just asked to type here.
          autoFocus: isFirst,
          value: text,
          onChange: (event: { currentTarget: { value: string } }) =>
            onText(event.currentTarget.value),
        };
        if (typeof field.value === "boolean") {
          return (
            <Select {...all}>
              <option value="true">yes</option>
              <option value="false">no</option>
              <option value="">nothing</option>
            </Select>
          );
        }
        return isLong(field.value) ? (
          <Textarea {...all} rows={4} className="font-mono" />
        ) : (
          <Input {...all} className="font-mono" />
        );
      }}
    </Field>
  );
}

type FooterProps = Omit<Props, "onTexts"> & { onBack: () => void; onStarted: () => void };

/** Sends what was typed, or leaves it. */
export function EditFooter({ data, texts, onBack, onStarted }: FooterProps) {
  const navigate = useNavigate();
  const resend = useCommand("resend_record");
  const hint = useId();
  const changes = edited(fieldsOf(data).fields, texts);
  const n = Object.keys(changes).length;
  const { run, seq } = data.summary;
  const send = async () => {
    const started = await resend.mutateAsync({ run, seq, fields: changes });
    onStarted();
    await navigate({ to: "/runs/$run", params: { run: started.run } });
  };
  return (
    <>
      <Button look="quiet" icon={<ArrowLeft aria-hidden size={13} />} onClick={onBack}>
        Back
      </Button>
      <span id={hint} role="status" className="flex-1 text-right text-sm text-ink2">
        {n > 0 && `${counted(n, "value")} changed`}
      </span>
      <Button
        look="primary"
        icon={<Send aria-hidden size={13} />}
        aria-describedby={hint}
        busy={resend.isPending}
        disabledReason={n === 0 ? "Change a value first" : undefined}
        onClick={() => void send().catch(toastError)}
      >
        Send with these values
      </Button>
    </>
  );
}
