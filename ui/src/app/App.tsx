import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import type { CSSProperties, MouseEvent } from "react";
import { Toaster, toast } from "sonner";
import type { RunSummary } from "@/api/bindings";
import { startEvents } from "@/app/link";
import { createAppRouter } from "@/app/router";
import { useColors } from "@/app/theme";
import { TooltipProvider } from "@/components/Tooltip";
import { counted } from "@/format/count";
import { changed, notWritten } from "@/format/states";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // The core says when something changed; nothing becomes old by itself.
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      retry: (failures, error) => error.code === "unavailable" && failures < 2,
    },
    mutations: { retry: false },
  },
});

const router = createAppRouter(client);

startEvents(client, tellRunFinished);

// What had the focus may be gone with the old page: then the new page has it.
router.subscribe("onRendered", () => {
  if (document.activeElement === document.body) {
    document.getElementById("content")?.focus({ preventScroll: true });
  }
});

function tellRunFinished(run: RunSummary): void {
  if (router.state.location.pathname === `/runs/${run.id}`) {
    return;
  }
  const options = {
    id: run.id,
    action: {
      label: "Open",
      onClick: () => void router.navigate({ to: "/runs/$run", params: { run: run.id } }),
    },
  };
  const failed = notWritten(run.counts);
  if (run.state === "failed") {
    toast.error(`${run.sync_name}: the run failed`, {
      ...options,
      ...(run.reason ? { description: run.reason } : {}),
    });
  } else if (run.state === "waiting") {
    toast.warning(`${run.sync_name} waits for you`, {
      ...options,
      ...(run.reason ? { description: run.reason } : {}),
    });
  } else if (run.state === "completed" && failed > 0) {
    toast.warning(`${run.sync_name}: ${counted(failed, "record")} could not be written`, options);
  } else if (run.state === "completed") {
    toast.success(`${run.sync_name}: ${counted(changed(run.counts), "record")} changed`, options);
  }
}

export function App() {
  return (
    <QueryClientProvider client={client}>
      <TooltipProvider>
        <RouterProvider router={router} />
        <AppToaster />
      </TooltipProvider>
    </QueryClientProvider>
  );
}

const toasterColors = {
  "--normal-bg": "var(--panel)",
  "--normal-border": "var(--line2)",
  "--normal-text": "var(--ink)",
  "--border-radius": "var(--radius)",
} as CSSProperties;

/** A message goes away with its buttons: whoever clicks one goes on with the keyboard where they were. */
function keepFocus(event: MouseEvent) {
  if (event.target instanceof Element && event.target.closest("button") !== null) {
    event.preventDefault();
  }
}

function AppToaster() {
  const colors = useColors();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only leaves the focus where it is.
    <div onMouseDown={keepFocus}>
      <Toaster
        theme={colors}
        position="bottom-center"
        // Above the bars at the foot of a page: they have the buttons that are pressed next.
        offset={{ bottom: 152 }}
        closeButton
        duration={6000}
        style={toasterColors}
        toastOptions={{
          classNames: {
            toast: "!font-sans !text-base !shadow-high",
            description: "!text-ink2",
            actionButton:
              "!h-auto !rounded-md !border !border-solid !border-line2 !bg-panel !px-2.5 !py-1 !font-sans !text-base !font-strong !text-ink",
            closeButton: "!border-line2 !bg-panel !text-ink2",
          },
        }}
      />
    </div>
  );
}
