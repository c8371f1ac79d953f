import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ArrowRight, Plug } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { FieldPath, StreamView, WriteMode } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { connection, connections } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Field, Input } from "@/components/Field";
import { Page } from "@/components/Page";
import { Problem, toastError } from "@/components/Problem";
import { writeMode, writeModes } from "@/format/states";
import {
  modeConsequence,
  proposedName,
  whyNotBothWays,
  whyNotMode,
  whyNotSource,
  whyNotTarget,
} from "@/screens/syncs/choices";
import { SidePicker } from "@/screens/syncs/SidePicker";

const route = getRouteApi("/syncs/new");

export function NewSyncScreen() {
  const { data: all } = useSuspenseQuery(connections());
  if (all.length === 0) {
    return (
      <Page title="New sync">
        <Card>
          <EmptyState
            icon={<Plug size={20} />}
            title="Connect a platform first"
            actions={
              <Link
                to="/connections"
                search={{ connect: "all" }}
                className={buttonClass("primary")}
              >
                Connect a platform
              </Link>
            }
          >
            A sync goes from one connection to another: the platform that has the records and the
            one that should get them.
          </EmptyState>
        </Card>
      </Page>
    );
  }
  return <NewSyncForm />;
}

function NewSyncForm() {
  const { data: all } = useSuspenseQuery(connections());
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const create = useCommand("create_sync");
  const save = useCommand("save_draft");
  const [wantsBoth, setWantsBoth] = useState(false);
  const [mode, setMode] = useState<WriteMode>("upsert");
  const [chosenKey, setChosenKey] = useState<FieldPath | null>(null);
  const [typedName, setTypedName] = useState<string | null>(null);

  const source = useStream(search.source, search.sourceStream);
  const target = useStream(search.target, search.targetStream);
  const keys = target?.capabilities.match_by ?? [];
  const key = keys.find((each) => each === chosenKey) ?? keys[0] ?? null;
  const sourceConnection = all.find((each) => each.id === search.source);
  const targetConnection = all.find((each) => each.id === search.target);
  const proposed =
    sourceConnection !== undefined &&
    targetConnection !== undefined &&
    source !== undefined &&
    target !== undefined
      ? proposedName(sourceConnection.name, source.label, targetConnection.name, target.label)
      : "";
  const name = typedName ?? proposed;
  const usableMode =
    target === undefined || whyNotMode(mode, target) === undefined
      ? mode
      : (writeModes.find((each) => whyNotMode(each, target) === undefined) ?? mode);

  const noBoth =
    source === undefined || target === undefined ? undefined : whyNotBothWays(source, target);
  const isBoth = wantsBoth && noBoth === undefined;

  const missing =
    source === undefined
      ? "Choose where the records come from"
      : target === undefined
        ? "Choose where they go"
        : search.source === search.target && search.sourceStream === search.targetStream
          ? "Both sides are the same: choose another one on one of them"
          : key === null
            ? "This target has no field by which a record can be found again"
            : undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (
      missing !== undefined ||
      search.source === undefined ||
      search.target === undefined ||
      source === undefined ||
      target === undefined ||
      key === null
    ) {
      return;
    }
    create.mutate(
      {
        name: name.trim(),
        source: { connection: search.source, stream: source.name },
        target: { connection: search.target, stream: target.name },
        mode: usableMode,
        match_on: [key],
      },
      {
        onSuccess: async (made) => {
          if (isBoth) {
            await save.mutateAsync({ sync: made.id, is_two_way: true }).catch(toastError);
          }
          await navigate({ to: "/syncs/$sync", params: { sync: made.id } });
        },
      },
    );
  };

  return (
    <Page
      crumb={
        <Link to="/syncs" className="no-underline hover:underline">
          Syncs
        </Link>
      }
      title="New sync"
      actions={
        <Button
          look="primary"
          type="submit"
          form="new-sync"
          busy={create.isPending || save.isPending}
          disabledReason={missing}
        >
          Create and map the fields
        </Button>
      }
    >
      <form id="new-sync" onSubmit={submit} className="grid w-full max-w-[1040px] gap-4">
        <div className="grid items-start gap-3 min-[1000px]:grid-cols-[1fr_24px_1fr]">
          <SidePicker
            title="From"
            connections={all}
            connection={search.source}
            stream={search.sourceStream}
            whyNot={whyNotSource}
            onChoose={(id, name) =>
              void navigate({
                replace: true,
                search: (old) => withSide(old, "source", id, name),
              })
            }
          />
          <span
            aria-hidden
            className="hidden justify-self-center pt-3 text-ink3 min-[1000px]:block"
          >
            <ArrowRight size={18} />
          </span>
          <SidePicker
            title="To"
            connections={all}
            connection={search.target}
            stream={search.targetStream}
            whyNot={whyNotTarget}
            onChoose={(id, name) => {
              setChosenKey(null);
              void navigate({
                replace: true,
                search: (old) => withSide(old, "target", id, name),
              });
            }}
          />
        </div>
        <Card title="Which way">
          <fieldset className="m-0 grid gap-2 border-0 px-3.5 py-3 min-[1000px]:grid-cols-2">
            <legend className="sr-only">Which way</legend>
            <WayCard
              label="One way"
              text="Changes of the first side go to the second one."
              isOn={!isBoth}
              onChoose={() => setWantsBoth(false)}
            />
            <WayCard
              label="Both ways"
              text={
                noBoth ??
                "Changes of either side go to the other one. The first run shows its plan before it writes."
              }
              isOn={isBoth}
              isDisabled={noBoth !== undefined}
              onChoose={() => setWantsBoth(true)}
            />
          </fieldset>
        </Card>
        <Card title="What may be done">
          <fieldset className="m-0 grid gap-2 border-0 px-3.5 py-3">
            <legend className="sr-only">What may be done</legend>
            {writeModes.map((each) => {
              const words = writeMode(each);
              const whyNot = target === undefined ? undefined : whyNotMode(each, target);
              return (
                <label
                  key={each}
                  className="flex items-start gap-2.5 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft has-disabled:opacity-60"
                >
                  <input
                    type="radio"
                    name="mode"
                    value={each}
                    checked={usableMode === each}
                    disabled={whyNot !== undefined}
                    onChange={() => setMode(each)}
                    className="mt-0.5 accent-accent"
                  />
                  <span>
                    <span className="block font-strong">{words.label}</span>
                    <span className="block text-sm text-ink2">
                      {whyNot ?? modeConsequence(each, target)}
                    </span>
                  </span>
                </label>
              );
            })}
          </fieldset>
        </Card>
        <Card title="Which record is which">
          <div className="grid gap-3 px-3.5 py-3">
            {target === undefined ? (
              <p className="m-0 text-ink3">
                Choose where the records go; then choose the field that tells them apart.
              </p>
            ) : keys.length === 0 ? (
              <p className="m-0 text-ink2">
                {target.label} cannot be looked up by any field, so a record could be doubled.
                Choose another target.
              </p>
            ) : (
              <fieldset className="m-0 grid gap-2 border-0 p-0">
                <legend className="mb-1.5 p-0 text-ink2">
                  Two records belong together when this field of {target.label} is the same on both
                  sides:
                </legend>
                <div className="flex flex-wrap gap-2">
                  {keys.map((each) => (
                    <label
                      key={each}
                      className="flex items-center gap-2 rounded-md border border-line px-3 py-1.5 has-checked:border-accent has-checked:bg-accent-soft"
                    >
                      <input
                        type="radio"
                        name="match-key"
                        value={each}
                        checked={each === key}
                        onChange={() => setChosenKey(each)}
                        className="accent-accent"
                      />
                      <span className="font-mono text-sm">{each}</span>
                    </label>
                  ))}
                </div>
              </fieldset>
            )}
          </div>
        </Card>
        <Card title="Name">
          <div className="px-3.5 py-3">
            <Field required label="Name of the sync" hint="You can change it later.">
              {(control) => (
                <Input
                  {...control}
                  required={false}
                  value={name}
                  placeholder="Made from both sides"
                  onChange={(event) => setTypedName(event.currentTarget.value)}
                />
              )}
            </Field>
          </div>
        </Card>
        {create.error !== null && <Problem error={create.error} />}
      </form>
    </Page>
  );
}

type WayProps = {
  label: string;
  text: string;
  isOn: boolean;
  isDisabled?: boolean;
  onChoose: () => void;
};

function WayCard({ label, text, isOn, isDisabled = false, onChoose }: WayProps) {
  return (
    <label className="flex items-start gap-2.5 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft has-disabled:opacity-60">
      <input
        type="radio"
        name="way"
        checked={isOn}
        disabled={isDisabled}
        onChange={onChoose}
        className="mt-0.5 accent-accent"
      />
      <span>
        <span className="block font-strong">{label}</span>
        <span className="block text-sm text-ink2">{text}</span>
      </span>
    </label>
  );
}

type Search = ReturnType<typeof route.useSearch>;

function withSide(
  old: Search,
  side: "source" | "target",
  connection: string,
  stream: string | undefined,
): Search {
  const { [side]: _, [`${side}Stream` as const]: __, ...rest } = old;
  return {
    ...rest,
    [side]: connection,
    ...(stream === undefined ? {} : { [`${side}Stream`]: stream }),
  };
}

function useStream(id: string | undefined, name: string | undefined): StreamView | undefined {
  const { data } = useQuery({ ...connection(id ?? ""), enabled: id !== undefined });
  return id === undefined ? undefined : data?.streams.find((stream) => stream.name === name);
}
