import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Dialog } from "radix-ui";
import { type ReactNode, useEffect, useState } from "react";
import { useCommand } from "@/api/mutations";
import { connections, connectors, query, settings, syncs } from "@/api/queries";
import { setTheme } from "@/app/theme";
import { Monogram } from "@/components/Monogram";
import { toastError } from "@/components/Problem";
import { recordOutcome } from "@/format/states";

/** Listens for Ctrl/⌘ K on the whole page. */
export function usePaletteShortcut(toggle: () => void): void {
  // Synchronises with the keyboard of the document.
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey)) {
        event.preventDefault();
        toggle();
      }
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [toggle]);
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-veil" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed top-[14vh] left-1/2 z-50 w-[min(600px,92vw)] -translate-x-1/2 animate-enter overflow-hidden rounded-xl border border-line2 bg-panel shadow-high"
        >
          <Dialog.Title className="sr-only">Find anything</Dialog.Title>
          <Command label="Find anything" loop filter={fits}>
            <Command.Input
              value={text}
              onValueChange={setText}
              placeholder="Find a sync, a connection, a record or something to do…"
              className="w-full border-0 border-b border-line bg-transparent px-4 py-3 text-md text-ink outline-none"
            />
            <Command.List className="max-h-[52vh] overflow-y-auto p-1.5">
              <Command.Empty className="px-3 py-6 text-center text-ink3">
                Nothing has that in its name.
              </Command.Empty>
              <Entries text={text} onClose={onClose} />
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** 1 where the name begins with what was typed, less where all words are somewhere in it, 0 elsewhere. */
function fits(value: string, search: string): number {
  const name = value.toLowerCase();
  const typed = search.trim().toLowerCase();
  if (name.startsWith(typed)) {
    return 1;
  }
  return typed.split(/\s+/).every((word) => name.includes(word)) ? 0.5 : 0;
}

function Entries({ text, onClose }: { text: string; onClose: () => void }) {
  const navigate = useNavigate();
  const { data: allSyncs = [] } = useQuery(syncs());
  const { data: allConnections = [] } = useQuery(connections());
  const { data: allConnectors = [] } = useQuery(connectors());
  const { data: options } = useQuery(settings());
  const start = useCommand("start_run");
  const update = useCommand("update_settings");
  const go = (then: () => unknown) => () => {
    onClose();
    then();
  };
  const usable = allConnectors.filter((each) => !each.problem);
  return (
    <>
      <Group heading="Do">
        <Item onSelect={go(() => navigate({ to: "/syncs/new" }))}>New sync</Item>
        <Item onSelect={go(() => navigate({ to: "/connections", search: { connect: "all" } }))}>
          Connect a platform
        </Item>
        <Item onSelect={go(() => navigate({ to: "/connectors", search: { add: true } }))}>
          Add a connector
        </Item>
        {options !== undefined && (
          <Item
            onSelect={go(() =>
              update.mutateAsync({ ...options, paused: !options.paused }).catch(toastError),
            )}
          >
            {options.paused ? "Resume all syncs" : "Pause all syncs"}
          </Item>
        )}
        {allSyncs.map((sync) => (
          <Item
            key={sync.id}
            value={`run ${sync.name} ${sync.id}`}
            onSelect={go(() =>
              start
                .mutateAsync({ sync: sync.id })
                .then(({ run }) => navigate({ to: "/runs/$run", params: { run } }))
                .catch(toastError),
            )}
          >
            Run {sync.name}
          </Item>
        ))}
        <Item onSelect={go(() => setTheme("light"))}>Use light colours</Item>
        <Item onSelect={go(() => setTheme("dark"))}>Use dark colours</Item>
        <Item onSelect={go(() => setTheme("system"))}>Use the system's colours</Item>
      </Group>
      <Group heading="Go to">
        <Item onSelect={go(() => navigate({ to: "/" }))}>Overview</Item>
        <Item onSelect={go(() => navigate({ to: "/syncs" }))}>Syncs</Item>
        <Item onSelect={go(() => navigate({ to: "/connections" }))}>Connections</Item>
        <Item onSelect={go(() => navigate({ to: "/history" }))}>History</Item>
        <Item onSelect={go(() => navigate({ to: "/needs-you" }))}>Needs you</Item>
        <Item onSelect={go(() => navigate({ to: "/connectors" }))}>Connectors</Item>
        <Item onSelect={go(() => navigate({ to: "/settings" }))}>Settings</Item>
      </Group>
      {allSyncs.length > 0 && (
        <Group heading="Syncs">
          {allSyncs.map((sync) => (
            <Item
              key={sync.id}
              value={`${sync.name} ${sync.id}`}
              onSelect={go(() => navigate({ to: "/syncs/$sync", params: { sync: sync.id } }))}
            >
              {sync.name}
            </Item>
          ))}
        </Group>
      )}
      {allConnections.length > 0 && (
        <Group heading="Connections">
          {allConnections.map((each) => (
            <Item
              key={each.id}
              value={`${each.name} ${each.account ?? ""} ${each.id}`}
              onSelect={go(() =>
                navigate({ to: "/connections/$connection", params: { connection: each.id } }),
              )}
            >
              <Monogram text={each.monogram} color={each.color} />
              {each.name}
              {each.account && <Aside>{each.account}</Aside>}
            </Item>
          ))}
        </Group>
      )}
      {allConnectors.length > 0 && (
        <Group heading="Connectors">
          {allConnectors.map((each) => (
            <Item
              key={each.id}
              value={`connector ${each.name} ${each.id}`}
              onSelect={go(() =>
                navigate({ to: "/connectors/$connector", params: { connector: each.id } }),
              )}
            >
              <Monogram text={each.monogram} color={each.color} />
              {each.name}
              <Aside>connector</Aside>
            </Item>
          ))}
        </Group>
      )}
      {allConnectors.length > 0 && (
        <Group heading="Connect">
          {usable.map((each) => (
            <Item
              key={each.id}
              value={`connect ${each.name} ${each.id}`}
              onSelect={go(() => navigate({ to: "/connections", search: { connect: each.id } }))}
            >
              <Monogram text={each.monogram} color={each.color} />
              Connect {each.name}
            </Item>
          ))}
        </Group>
      )}
      {text.trim().length >= 3 && <Records text={text.trim()} go={go} />}
    </>
  );
}

function Records({ text, go }: { text: string; go: (then: () => unknown) => () => void }) {
  const navigate = useNavigate();
  const { data } = useQuery(
    query("list_run_records", { outcomes: [], unwritten: false, search: text, limit: 6 }),
  );
  return data === undefined || data.records.length === 0 ? null : (
    <Group heading="Records">
      {data.records.map((record) => (
        <Item
          key={`${record.run} ${record.seq}`}
          value={`${text} ${record.title} ${record.run} ${record.seq}`}
          onSelect={go(() =>
            navigate({
              to: "/runs/$run",
              params: { run: record.run },
              search: { record: record.seq },
            }),
          )}
        >
          {record.title}
          <Aside>{recordOutcome(record.outcome).text}</Aside>
        </Item>
      ))}
    </Group>
  );
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:font-semibold [&_[cmdk-group-heading]]:text-ink3"
    >
      {children}
    </Command.Group>
  );
}

type ItemProps = { children: ReactNode; onSelect: () => void; value?: string };

function Item({ children, onSelect, value }: ItemProps) {
  return (
    <Command.Item
      {...(value === undefined ? {} : { value })}
      onSelect={onSelect}
      className="flex items-center gap-2 rounded-md px-2.5 py-1.5 aria-selected:bg-accent-soft aria-selected:text-ink"
    >
      {children}
    </Command.Item>
  );
}

function Aside({ children }: { children: ReactNode }) {
  return <span className="ml-auto text-sm text-ink3">{children}</span>;
}
