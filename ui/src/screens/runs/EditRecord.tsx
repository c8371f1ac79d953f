import { useNavigate } from "@tanstack/react-router";
import { PencilLine, Send } from "lucide-react";
import { useState } from "react";
import type { RunRecordDetail } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button } from "@/components/Button";
import { Field, Input } from "@/components/Field";
import { Part } from "@/components/Part";
import { toastError } from "@/components/Problem";
import { edited, typed } from "@/screens/runs/edited";

type Props = { data: RunRecordDetail; onStarted: () => void };

/** The values of a record that could not be written, to be changed and sent again. */
export function EditRecord({ data, onStarted }: Props) {
  const navigate = useNavigate();
  const resend = useCommand("resend_record");
  const [isOpen, setOpen] = useState(false);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const { summary } = data;
  const fields = data.fields
    .filter(({ path }) => /^[^.[\]]+$/.test(path))
    .map(({ path, after }) => ({ path, value: after }));
  // What could not be made is what has to be filled in.
  if (summary.field && !fields.some(({ path }) => path === summary.field)) {
    fields.unshift({ path: summary.field, value: undefined });
  }
  if (!isOpen) {
    return (
      <div>
        <Button icon={<PencilLine aria-hidden size={13} />} onClick={() => setOpen(true)}>
          Send it with other values…
        </Button>
      </div>
    );
  }
  const changes = edited(fields, texts);
  const isSame = Object.keys(changes).length === 0;
  return (
    <Part title="Send it with other values">
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (isSame) {
            return;
          }
          void resend
            .mutateAsync({ run: summary.run, seq: summary.seq, fields: changes })
            .then((started) => {
              onStarted();
              return navigate({ to: "/runs/$run", params: { run: started.run } });
            })
            .catch(toastError);
        }}
      >
        <p className="m-0 text-sm text-ink2">
          They stay on the target until the record changes at the source. The source is not changed.
        </p>
        {fields.map(({ path, value }) => (
          <Field key={path} label={path} required error={null}>
            {(control) => (
              <Input
                {...control}
                required={false}
                className="font-mono"
                value={texts[path] ?? typed(value)}
                onChange={(event) => {
                  const text = event.currentTarget.value;
                  setTexts((before) => ({ ...before, [path]: text }));
                }}
              />
            )}
          </Field>
        ))}
        <div>
          <Button
            type="submit"
            look="primary"
            icon={<Send aria-hidden size={13} />}
            busy={resend.isPending}
            disabledReason={isSame ? "Change a value first" : undefined}
          >
            Send with these values
          </Button>
        </div>
      </form>
    </Part>
  );
}
