import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import type { ReactNode } from "react";
import type { NotifyWhen, Settings } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { appStatus, settings, storage } from "@/api/queries";
import { setTheme, type Theme, useTheme } from "@/app/theme";
import { Button, IconButton } from "@/components/Button";
import { Card } from "@/components/Card";
import { KeyValue } from "@/components/KeyValue";
import { Page } from "@/components/Page";
import { Callout, copyText, toastError } from "@/components/Problem";
import { PartsBar } from "@/components/Progress";
import { Site } from "@/components/Site";
import { bytes, percent } from "@/format/count";

const themes: readonly { value: Theme; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

const notify: readonly { value: NotifyWhen; label: string }[] = [
  { value: "never", label: "Never" },
  { value: "problems", label: "Only on problems" },
  { value: "always", label: "After every run" },
];

const budgets = [128, 256, 512, 1024, 2048, 5120, 10_240];

export function SettingsScreen() {
  const { data } = useSuspenseQuery(settings());
  const { data: space } = useSuspenseQuery(storage());
  const { data: status } = useSuspenseQuery(appStatus());
  const theme = useTheme();
  const update = useCommand("update_settings");
  const client = useQueryClient();
  // Shown at once, and what the next change starts from even if the answer is still on its way.
  const save = (change: Partial<Settings>) => {
    const { queryKey } = settings();
    const next = { ...(client.getQueryData(queryKey) ?? data), ...change };
    void client.cancelQueries({ queryKey });
    client.setQueryData(queryKey, next);
    update.mutate(next, {
      onError: (error) => {
        toastError(error);
        void client.invalidateQueries({ queryKey });
      },
    });
  };
  const sizes = [...new Set([...budgets, data.history_budget_mb])].sort((a, b) => a - b);
  const budget = data.history_budget_mb * 1024 * 1024;
  const used = percent(space.history_bytes, budget);
  return (
    <Page title="Settings">
      <div className="grid w-full max-w-[820px] gap-4">
        {status.notes.map((note) => (
          <Callout
            key={note.message}
            tone={note.severity === "info" ? "info" : note.severity === "warning" ? "warn" : "bad"}
            title={note.message}
          >
            {note.hint}
          </Callout>
        ))}
        <Card title="Syncs">
          <Row
            title="Scheduled runs"
            text={
              data.paused
                ? "All schedules are held. You can still run a sync by hand."
                : "Syncs run when they are due."
            }
          >
            <Button onClick={() => save({ paused: !data.paused })}>
              {data.paused ? "Resume all" : "Pause all"}
            </Button>
          </Row>
          <Row title="Notifications" text="When a run ends.">
            <Choice
              label="Notifications"
              options={notify}
              chosen={data.notify}
              onChoose={(value) => save({ notify: value })}
            />
          </Row>
        </Card>
        <Card title="Appearance">
          <Row title="Colours" text="Kept on this computer.">
            <Choice label="Colours" options={themes} chosen={theme} onChoose={setTheme} />
          </Row>
        </Card>
        <Card title="History">
          <Row
            title="Space for the history"
            text="When it is full, the oldest details go first. What keeps records from being doubled is never deleted."
          >
            <label className="sr-only" htmlFor="budget">
              Space for the history
            </label>
            <select
              id="budget"
              value={data.history_budget_mb}
              onChange={(event) => save({ history_budget_mb: Number(event.currentTarget.value) })}
              className="h-[31px] rounded-md border border-line2 bg-panel px-2.5 text-ink"
            >
              {sizes.map((megabytes) => (
                <option key={megabytes} value={megabytes}>
                  {bytes(megabytes * 1024 * 1024)}
                </option>
              ))}
            </select>
          </Row>
          <div className="grid gap-2 px-3.5 py-3">
            <PartsBar
              label={`${used} % of the history's space is used`}
              total={Math.max(budget, space.history_bytes)}
              parts={[{ label: "History", value: space.history_bytes, color: "var(--accent)" }]}
            />
            <p className="m-0 text-sm text-ink3">
              {bytes(space.history_bytes)} of {bytes(budget)} used for the history ·{" "}
              {bytes(space.main_bytes)} for syncs, connections and links
            </p>
          </div>
        </Card>
        <Card title="About this installation">
          <KeyValue
            facts={[
              { label: "Version", value: status.version },
              { label: "Secrets are kept in", value: status.secrets_backend },
              {
                label: "Data folder",
                value: (
                  <span className="flex items-center gap-1">
                    <span className="font-mono text-sm break-all">{status.data_dir}</span>
                    <IconButton
                      label="Copy the path"
                      icon={<Copy aria-hidden size={13} />}
                      onClick={() => void copyText(status.data_dir, "Path")}
                    />
                  </span>
                ),
              },
              ...(status.sample
                ? [
                    {
                      label: "Harbor CRM (sample)",
                      value: <Site url={status.sample.harbor_url} />,
                    },
                    { label: "Postino (sample)", value: <Site url={status.sample.postino_url} /> },
                  ]
                : []),
            ]}
          />
        </Card>
      </div>
    </Page>
  );
}

type RowProps = { title: string; text: string; children: ReactNode };

function Row({ title, text, children }: RowProps) {
  return (
    <div className="flex items-center gap-6 border-b border-line px-3.5 py-3 last:border-b-0">
      <div className="min-w-0 flex-1">
        <h3 className="m-0 text-base font-strong">{title}</h3>
        <p className="m-0 text-sm text-ink3">{text}</p>
      </div>
      {children}
    </div>
  );
}

type ChoiceProps<T extends string> = {
  label: string;
  options: readonly { value: T; label: string }[];
  chosen: T;
  onChoose: (value: T) => void;
};

function Choice<T extends string>({ label, options, chosen, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset className="m-0 flex rounded-md border border-line2 p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className="rounded-[4px] px-2.5 py-[3px] text-ink2 has-checked:bg-accent-soft has-checked:font-strong has-checked:text-ink has-focus-visible:outline-2 has-focus-visible:outline-accent"
        >
          <input
            type="radio"
            name={label}
            value={option.value}
            checked={option.value === chosen}
            onChange={() => onChoose(option.value)}
            className="sr-only"
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
