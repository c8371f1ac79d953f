import { Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeftRight, ArrowRight, Check } from "lucide-react";
import { Popover } from "radix-ui";
import { type ReactNode, useState } from "react";
import type { Mapping } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button, buttonClass } from "@/components/Button";
import { Dot, Pill } from "@/components/Pill";
import { toastError } from "@/components/Problem";
import { writeMode } from "@/format/states";
import { sourcesOf } from "./document";
import { useModel } from "./model";
import { type SaveState, toastElsewhere } from "./server";
import { useEditor } from "./store";

/** Name of the sync; a click makes it a text field. */
export function SyncName() {
  const { detail, syncId } = useEditor();
  const save = useCommand("save_draft");
  const [isEditing, setIsEditing] = useState(false);
  const { name } = detail.summary;
  const done = (text: string) => {
    setIsEditing(false);
    const wanted = text.trim();
    if (wanted !== "" && wanted !== name) {
      save.mutate({ sync: syncId, name: wanted }, { onError: toastError });
    }
  };
  return isEditing ? (
    <input
      // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here.
      autoFocus
      aria-label="Name of the sync"
      className="map-text w-72 font-semibold"
      defaultValue={name}
      onBlur={(event) => done(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          done(event.currentTarget.value);
        } else if (event.key === "Escape") {
          setIsEditing(false);
        }
      }}
    />
  ) : (
    <button
      type="button"
      title="Rename"
      className="min-w-0 max-w-full truncate rounded-md border-0 bg-transparent px-1 font-semibold text-ink hover:bg-sunk"
      onClick={() => setIsEditing(true)}
    >
      {save.variables?.name ?? name}
    </button>
  );
}

export function SyncCrumb() {
  return (
    <Link to="/syncs" className="no-underline hover:text-ink">
      Syncs
    </Link>
  );
}

/** What the sync does, in the bar. A click shows its settings. */
export function SyncPills() {
  const { detail, act } = useEditor();
  const model = useModel();
  const { summary, match_on } = detail;
  const [key] = match_on;
  const rule = key === undefined ? undefined : model.rules.get(key);
  const from = rule ? sourcesOf(rule.origin).join(" + ") : "";
  const show = () => act.select({ kind: "none" });
  return (
    <>
      <SettingPill onClick={show}>
        {summary.is_two_way ? (
          <>
            <ArrowLeftRight aria-hidden size={11} /> <em>Both ways</em>
          </>
        ) : (
          <>
            <ArrowRight aria-hidden size={11} /> <em>One way</em>
          </>
        )}
      </SettingPill>
      <SettingPill onClick={show}>
        <em>{writeMode(summary.mode).label}</em>
      </SettingPill>
      {key !== undefined && (
        <SettingPill onClick={show}>
          Match <em>{from === "" ? key : `${from} = ${key}`}</em>
        </SettingPill>
      )}
      <SettingPill onClick={show}>
        {summary.is_paused ? (
          <em>Paused</em>
        ) : summary.every_minutes ? (
          <>
            Every <em>{minutesText(summary.every_minutes)}</em>
          </>
        ) : (
          <em>By hand</em>
        )}
      </SettingPill>
    </>
  );
}

function SettingPill({ children, onClick }: { children: ReactNode; onClick: () => void }) {
  return (
    <button
      type="button"
      title="Settings of the sync"
      className="rounded-full border-0 bg-transparent p-0 [&>span]:hover:border-line2"
      onClick={onClick}
    >
      <Pill>{children}</Pill>
    </button>
  );
}

function minutesText(minutes: number): string {
  return minutes < 60
    ? `${minutes} min`
    : minutes % 1440 === 0
      ? minutes === 1440
        ? "day"
        : `${minutes / 1440} days`
      : minutes % 60 === 0
        ? `${minutes / 60} h`
        : `${minutes} min`;
}

/** How the draft stands; a click lists what it changes and offers to let it go. */
export function DraftPill({ saving, onDiscarded }: DraftProps) {
  const { detail, syncId } = useEditor();
  const discard = useCommand("discard_draft");
  const [isOpen, setIsOpen] = useState(false);
  const { summary, draft_changes } = detail;
  if (saving.kind === "failed") {
    return <Pill dot="bad">Draft not saved</Pill>;
  }
  if (!summary.has_draft && saving.kind === "saved") {
    return <Pill dot="ok">Version {summary.version}</Pill>;
  }
  const changes = draft_changes.length;
  return (
    <Popover.Root open={isOpen} onOpenChange={setIsOpen}>
      <Popover.Trigger className="rounded-full border-0 bg-transparent p-0">
        <Pill dot={saving.kind === "saving" ? "accent" : "warn"}>
          Draft v{summary.version + 1}
          {changes > 0 && ` · ${changes} ${changes === 1 ? "change" : "changes"}`}
        </Pill>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={6}
          collisionPadding={8}
          className="map-pop w-80 p-3"
        >
          <p className="m-0 font-semibold">
            {summary.version === 0
              ? "Not published yet"
              : `Changed since version ${summary.version}`}
          </p>
          <ul className="m-0 my-1.5 grid max-h-60 list-none gap-0.5 overflow-y-auto p-0 text-ink2">
            {draft_changes.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
          <p className="m-0 text-sm text-ink3">Saved by itself. Runs use what is published.</p>
          {summary.version > 0 && (
            <Button
              look="danger"
              className="mt-2"
              busy={discard.isPending}
              onClick={() =>
                discard.mutate(
                  { sync: syncId },
                  {
                    onError: toastError,
                    onSuccess: (now) => {
                      setIsOpen(false);
                      onDiscarded(now.mapping);
                    },
                  },
                )
              }
            >
              Discard the draft
            </Button>
          )}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

type DraftProps = { saving: SaveState; onDiscarded: (mapping: Mapping) => void };
type ActionsProps = { flush: () => Promise<void>; children: ReactNode };

export function EditorActions({ flush, children }: ActionsProps) {
  const { detail, syncId, act } = useEditor();
  const model = useModel();
  const navigate = useNavigate();
  const plan = useCommand("start_plan");
  const publish = useCommand("publish_sync");
  const [isBlocked, setIsBlocked] = useState(false);
  const errors = (model.report?.diagnostics ?? []).filter(
    (problem) => problem.severity === "error",
  );
  const { summary } = detail;

  async function startPlan(): Promise<void> {
    await flush();
    plan.mutate(
      { sync: syncId },
      {
        onError: toastError,
        onSuccess: (started) =>
          void navigate({ to: "/plans/$plan", params: { plan: started.plan } }),
      },
    );
  }

  async function startPublish(): Promise<void> {
    await flush();
    publish.mutate(
      { sync: syncId },
      {
        onError: toastError,
        onSuccess: (next) => act.announce(`Version ${next.version} is in force`),
      },
    );
  }

  const nothing =
    !summary.has_draft && summary.version > 0
      ? "Nothing has changed since the last version"
      : undefined;
  return (
    <>
      {children}
      <Button
        busy={plan.isPending}
        {...(errors.length > 0
          ? { disabledReason: `${errors[0]?.message ?? "The mapping has errors"}` }
          : {})}
        onClick={() => void startPlan().catch(toastElsewhere)}
      >
        Plan a run
      </Button>
      {errors.length > 0 ? (
        <Popover.Root open={isBlocked} onOpenChange={setIsBlocked}>
          <Popover.Trigger asChild>
            <button
              type="button"
              aria-label={`Publish: ${errors.length} ${errors.length === 1 ? "problem" : "problems"} first`}
              className={buttonClass()}
            >
              <Dot tone="bad" /> Publish
            </button>
          </Popover.Trigger>
          <Popover.Portal>
            <Popover.Content
              align="end"
              sideOffset={6}
              collisionPadding={8}
              className="map-pop w-96 p-2"
            >
              <p className="m-0 px-1.5 pb-1 font-semibold">Before this can be published</p>
              {errors.map((problem) => (
                <button
                  key={`${problem.code} ${problem.target ?? ""} ${problem.step ?? ""} ${problem.message}`}
                  type="button"
                  className="map-line m-0 items-start"
                  onClick={() => {
                    setIsBlocked(false);
                    if (problem.target != null) {
                      act.goTo(problem.target);
                    }
                  }}
                >
                  <Dot tone="bad" className="mt-1.5" />
                  <span className="min-w-0 flex-1">
                    {problem.target != null && <b className="font-strong">{problem.target} </b>}
                    {problem.message}
                  </span>
                </button>
              ))}
            </Popover.Content>
          </Popover.Portal>
        </Popover.Root>
      ) : (
        <Button
          look="primary"
          busy={publish.isPending}
          disabledReason={nothing}
          icon={nothing === undefined ? undefined : <Check aria-hidden size={13} />}
          onClick={() => void startPublish().catch(toastElsewhere)}
        >
          {nothing === undefined ? "Publish" : "Published"}
        </Button>
      )}
    </>
  );
}
