import type { QueryClient } from "@tanstack/react-query";
import {
  createHashHistory,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Link,
} from "@tanstack/react-router";
import {
  appStatus,
  conflictCounts,
  connection,
  connections,
  connector,
  connectorSchema,
  connectors,
  connectorText,
  overview,
  plan,
  run,
  settings,
  storage,
  sync,
  syncs,
} from "@/api/queries";
import { MappingScreen } from "@/app/MappingScreen";
import { ScreenError } from "@/app/ScreenError";
import { ScreenPending } from "@/app/ScreenPending";
import { Shell } from "@/app/Shell";
import {
  parseConflictsSearch,
  parseConnectionsSearch,
  parseConnectorSearch,
  parseConnectorsSearch,
  parseHistorySearch,
  parseNewSyncSearch,
  parsePlanSearch,
  parseRunSearch,
} from "@/app/search";
import { buttonClass } from "@/components/Button";
import { EmptyState } from "@/components/EmptyState";
import { Page } from "@/components/Page";
import { ConflictsScreen } from "@/screens/conflicts/ConflictsScreen";
import { ConnectionScreen } from "@/screens/connections/ConnectionScreen";
import { ConnectionsScreen } from "@/screens/connections/ConnectionsScreen";
import { ConnectorScreen } from "@/screens/connectors/ConnectorScreen";
import { ConnectorsScreen } from "@/screens/connectors/ConnectorsScreen";
import { NeedsYouScreen } from "@/screens/overview/NeedsYouScreen";
import { OverviewScreen } from "@/screens/overview/OverviewScreen";
import { PlanScreen } from "@/screens/plans/PlanScreen";
import { HistoryScreen } from "@/screens/runs/HistoryScreen";
import { RunScreen } from "@/screens/runs/RunScreen";
import { SettingsScreen } from "@/screens/settings/SettingsScreen";
import { NewSyncScreen } from "@/screens/syncs/NewSyncScreen";
import { SyncsScreen } from "@/screens/syncs/SyncsScreen";

type Context = { client: QueryClient };

const root = createRootRouteWithContext<Context>()({
  component: Shell,
  notFoundComponent: NotFound,
});

function NotFound() {
  return (
    <Page title="Not found">
      <EmptyState
        title="There is no such page"
        actions={
          <Link to="/" className={buttonClass("primary")}>
            Go to the overview
          </Link>
        }
      />
    </Page>
  );
}

const overviewRoute = createRoute({
  getParentRoute: () => root,
  path: "/",
  loader: ({ context: { client } }) =>
    Promise.all([client.ensureQueryData(overview()), client.ensureQueryData(appStatus())]),
  component: OverviewScreen,
});

const needsYouRoute = createRoute({
  getParentRoute: () => root,
  path: "/needs-you",
  loader: ({ context: { client } }) => client.ensureQueryData(overview()),
  component: NeedsYouScreen,
});

const conflictsRoute = createRoute({
  getParentRoute: () => root,
  path: "/conflicts",
  validateSearch: parseConflictsSearch,
  loader: ({ context: { client } }) =>
    Promise.all([client.ensureQueryData(syncs()), client.ensureQueryData(conflictCounts())]),
  component: ConflictsScreen,
});

const syncsRoute = createRoute({
  getParentRoute: () => root,
  path: "/syncs",
  loader: ({ context: { client } }) => client.ensureQueryData(syncs()),
  component: SyncsScreen,
});

const newSyncRoute = createRoute({
  getParentRoute: () => root,
  path: "/syncs/new",
  validateSearch: parseNewSyncSearch,
  loader: ({ context: { client } }) => client.ensureQueryData(connections()),
  component: NewSyncScreen,
});

const syncRoute = createRoute({
  getParentRoute: () => root,
  path: "/syncs/$sync",
  loader: ({ context: { client }, params }) => client.ensureQueryData(sync(params.sync)),
  component: MappingScreen,
});

const connectionsRoute = createRoute({
  getParentRoute: () => root,
  path: "/connections",
  validateSearch: parseConnectionsSearch,
  loader: ({ context: { client } }) =>
    Promise.all([
      client.ensureQueryData(connections()),
      client.ensureQueryData(connectors()),
      client.ensureQueryData(appStatus()),
    ]),
  component: ConnectionsScreen,
});

const connectionRoute = createRoute({
  getParentRoute: () => root,
  path: "/connections/$connection",
  validateSearch: parseConnectionsSearch,
  loader: ({ context: { client }, params }) =>
    Promise.all([
      client.ensureQueryData(connection(params.connection)),
      client.ensureQueryData(connectors()),
      client.ensureQueryData(appStatus()),
    ]),
  component: ConnectionScreen,
});

const connectorsRoute = createRoute({
  getParentRoute: () => root,
  path: "/connectors",
  validateSearch: parseConnectorsSearch,
  loader: ({ context: { client } }) =>
    Promise.all([client.ensureQueryData(connectors()), client.ensureQueryData(connections())]),
  component: ConnectorsScreen,
});

const connectorRoute = createRoute({
  getParentRoute: () => root,
  path: "/connectors/$connector",
  validateSearch: parseConnectorSearch,
  loaderDeps: ({ search: { tab } }) => ({ tab }),
  loader: ({ context: { client }, params, deps: { tab } }) =>
    Promise.all([
      client.ensureQueryData(connector(params.connector)),
      client.ensureQueryData(appStatus()),
      ...(tab === "file"
        ? [
            client.ensureQueryData(connectorText(params.connector)),
            client.ensureQueryData(connectorSchema()),
          ]
        : []),
    ]),
  component: ConnectorScreen,
});

const planRoute = createRoute({
  getParentRoute: () => root,
  path: "/plans/$plan",
  validateSearch: parsePlanSearch,
  loader: ({ context: { client }, params }) => client.ensureQueryData(plan(params.plan)),
  component: PlanScreen,
});

const runRoute = createRoute({
  getParentRoute: () => root,
  path: "/runs/$run",
  validateSearch: parseRunSearch,
  loader: ({ context: { client }, params }) => client.ensureQueryData(run(params.run)),
  component: RunScreen,
});

const historyRoute = createRoute({
  getParentRoute: () => root,
  path: "/history",
  validateSearch: parseHistorySearch,
  loader: ({ context: { client } }) => client.ensureQueryData(syncs()),
  component: HistoryScreen,
});

const settingsRoute = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  loader: ({ context: { client } }) =>
    Promise.all([
      client.ensureQueryData(settings()),
      client.ensureQueryData(storage()),
      client.ensureQueryData(appStatus()),
    ]),
  component: SettingsScreen,
});

const routes = root.addChildren([
  overviewRoute,
  needsYouRoute,
  conflictsRoute,
  syncsRoute,
  newSyncRoute,
  syncRoute,
  connectionsRoute,
  connectionRoute,
  connectorsRoute,
  connectorRoute,
  planRoute,
  runRoute,
  historyRoute,
  settingsRoute,
]);

/** The pages and their addresses. They stand behind the #, which works in the window and in a browser alike. */
export function createAppRouter(client: QueryClient) {
  return createRouter({
    routeTree: routes,
    history: createHashHistory(),
    context: { client },
    defaultErrorComponent: ScreenError,
    defaultPendingComponent: ScreenPending,
    defaultPendingMs: 150,
    defaultPendingMinMs: 250,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
