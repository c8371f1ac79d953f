import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import {
  Activity,
  BellRing,
  Cable,
  Gauge,
  GitCompareArrows,
  type LucideIcon,
  Plug,
  Settings as SettingsIcon,
  Shapes,
} from "lucide-react";
import { useState } from "react";
import { conflictCounts, overview, settings } from "@/api/queries";
import { useLink } from "@/app/link";
import { Palette, usePaletteShortcut } from "@/app/Palette";
import { Dot } from "@/components/Pill";
import { useNow } from "@/components/Time";
import { count, counted } from "@/format/count";
import { moment } from "@/format/time";

const entries = [
  { to: "/", label: "Overview", icon: Gauge },
  { to: "/syncs", label: "Syncs", icon: Cable },
  { to: "/connections", label: "Connections", icon: Plug },
  { to: "/history", label: "History", icon: Activity },
  { to: "/needs-you", label: "Needs you", icon: BellRing },
  { to: "/conflicts", label: "Conflicts", icon: GitCompareArrows },
  { to: "/connectors", label: "Connectors", icon: Shapes },
  { to: "/settings", label: "Settings", icon: SettingsIcon },
] as const satisfies readonly { to: string; label: string; icon: LucideIcon }[];

export function Shell() {
  const [finding, setFinding] = useState(false);
  usePaletteShortcut(() => setFinding((open) => !open));
  return (
    <div className="grid h-full grid-cols-[208px_minmax(0,1fr)] overflow-hidden">
      <button
        type="button"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-60 focus:rounded-md focus:bg-panel focus:px-3 focus:py-1.5 focus:shadow-high"
        onClick={() => document.getElementById("content")?.focus()}
      >
        Skip to the content
      </button>
      <aside className="flex min-h-0 flex-col gap-0.5 border-r border-line bg-sunk px-2.5 py-3.5">
        <div className="flex items-center gap-[9px] px-2 pt-1 pb-4 text-lg font-[650] tracking-tight">
          <Mark />
          Patchbay
        </div>
        <nav aria-label="Main" className="flex flex-col gap-0.5">
          {entries.map((entry) => (
            <Link
              key={entry.to}
              to={entry.to}
              activeOptions={{ exact: entry.to === "/", includeSearch: false }}
              className="flex items-center gap-2.5 rounded-md px-[9px] py-[7px] font-medium text-ink2 no-underline hover:bg-panel/60 data-[status=active]:bg-panel data-[status=active]:text-ink data-[status=active]:shadow-[0_0_0_1px_var(--line)]"
            >
              <entry.icon aria-hidden size={15} strokeWidth={1.8} className="opacity-80" />
              {entry.label}
              {entry.to === "/needs-you" && <NeedsYouCount />}
              {entry.to === "/conflicts" && <ConflictCount />}
            </Link>
          ))}
        </nav>
        <div className="mt-auto border-t border-line px-2 pt-2 text-sm leading-relaxed text-ink3">
          <RunningState />
          <button
            type="button"
            onClick={() => setFinding(true)}
            className="m-0 block rounded-sm border-0 bg-transparent p-0 text-left text-ink3 hover:text-ink"
          >
            <kbd className="font-sans">{isMac ? "⌘K" : "Ctrl K"}</kbd> to find anything
          </button>
        </div>
      </aside>
      <main id="content" tabIndex={-1} className="relative min-h-0 min-w-0 outline-none">
        <LostLink />
        <Outlet />
      </main>
      {finding && <Palette onClose={() => setFinding(false)} />}
    </div>
  );
}

const isMac = navigator.userAgent.includes("Mac");

function Mark() {
  return (
    <svg aria-hidden width={22} height={22} viewBox="0 0 22 22">
      <rect x={1} y={1} width={20} height={20} rx={6} fill="var(--ink)" />
      <circle cx={6.5} cy={7} r={2.2} fill="var(--paper)" />
      <circle cx={15.5} cy={15} r={2.2} fill="var(--paper)" />
      <path d="M6.5 7C12 7 10 15 15.5 15" stroke="#8694ff" strokeWidth={1.9} fill="none" />
    </svg>
  );
}

function NeedsYouCount() {
  const { data } = useQuery(overview());
  return <Badge waiting={data?.needs_you.length ?? 0} />;
}

function ConflictCount() {
  const { data } = useQuery(conflictCounts());
  return <Badge waiting={data?.total ?? 0} />;
}

function Badge({ waiting }: { waiting: number }) {
  return waiting === 0 ? null : (
    <b className="ml-auto rounded-full bg-warn-soft px-[7px] text-xs font-semibold text-warn">
      {count(waiting)}
    </b>
  );
}

function RunningState() {
  const { data } = useQuery(overview());
  const { data: options } = useQuery(settings());
  const link = useLink();
  const now = useNow();
  if (link === "lost") {
    return <State tone="bad" text="Not connected" />;
  }
  if (options?.paused) {
    return <State tone="warn" text="Paused" />;
  }
  const running = data?.syncs.filter((sync) => sync.state.kind === "running").length ?? 0;
  const next = Math.min(...(data?.syncs ?? []).map((sync) => sync.next_run_at ?? Infinity));
  const due = Number.isFinite(next) ? ` · next ${moment(next, now)}` : "";
  return (
    <State tone="ok" text={running > 0 ? `${counted(running, "sync")} running` : `Running${due}`} />
  );
}

function State({ tone, text }: { tone: "ok" | "warn" | "bad"; text: string }) {
  return (
    <div role="status" className="flex items-center gap-1.5">
      <Dot tone={tone} />
      {text}
    </div>
  );
}

function LostLink() {
  return useLink() === "open" ? null : (
    <div
      role="alert"
      className="absolute inset-x-0 top-[54px] z-30 border-b border-bad/30 bg-bad-soft px-6 py-1.5 text-center text-bad"
    >
      Patchbay does not answer. What you see may be old; it is tried again by itself.
    </div>
  );
}
