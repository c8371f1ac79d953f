// Made by `cargo test -p api bindings` from crates/api. Do not edit: run `cargo xtask check --fix`.

export type AdvancedAuthView = { 
/**
 * For people.
 */
label: string, 
/**
 * The way of signing in, for the request.
 */
auth_method: string, 
/**
 * It applies where this setting has `predicate_value`; empty: always.
 */
predicate: Array<string>, 
/**
 * See `predicate`.
 */
predicate_value: unknown, 
/**
 * Settings that the sign-in fills in.
 */
fills: Array<Array<string>>, 
/**
 * What a person has to do at the platform first.
 */
checklist: Array<string>, };

export type ApiError = { 
/**
 * What the user interface can act on.
 */
code: Code, 
/**
 * What happened: one sentence.
 */
message: string, 
/**
 * What to do.
 */
hint?: string | null, 
/**
 * For "copy details".
 */
details?: string | null, };

export type AppStatus = { 
/**
 * The version of Patchbay.
 */
version: string, 
/**
 * Where secrets are kept, by the name the person knows.
 */
secrets_backend: string, 
/**
 * Where the databases are.
 */
data_dir: string, 
/**
 * What the start found that a person should know ("The database was moved aside …").
 */
notes: Array<Note>, 
/**
 * The sample platforms, when they run.
 */
sample?: SamplePlatforms | null, };

export type Approved = { 
/**
 * Making records.
 */
creates: boolean, 
/**
 * Changing records.
 */
updates: boolean, 
/**
 * Deleting records.
 */
deletes: boolean, };

export type AuthKind = "browser" | "device" | "api_key" | "bearer" | "basic" | "other";

export type AuthMethodView = { 
/**
 * As requests refer to it.
 */
name: string, 
/**
 * For people: "Sign in with Harbor CRM".
 */
label: string, 
/**
 * How it goes.
 */
kind: AuthKind, 
/**
 * What has to be typed in (API key, user and password).
 */
fields: Array<ConfigField>, 
/**
 * What will be asked for, with the reason, for OAuth.
 */
scopes: Array<ScopeView>, 
/**
 * What a person has to do at the platform first.
 */
checklist: Array<string>, };

export type CapabilitiesView = { 
/**
 * Records can be read.
 */
read: boolean, 
/**
 * Only what changed can be read.
 */
incremental: boolean, 
/**
 * Records can be created.
 */
create: boolean, 
/**
 * Records can be changed.
 */
update: boolean, 
/**
 * Records can be deleted.
 */
delete: boolean, 
/**
 * Records can be put away.
 */
archive: boolean, 
/**
 * The field by which the platform itself decides whether a record is created or changed.
 */
upsert?: FieldPath | null, 
/**
 * Records per write request.
 */
batch_size: number, 
/**
 * Fields by which a record can be looked up.
 */
match_by: Array<FieldPath>, 
/**
 * Sending the same create twice creates once.
 */
idempotent_create: boolean, 
/**
 * How one learns what was deleted.
 */
deletions: DeletionsView, };

export type CheckMapping = { 
/**
 * Which sync.
 */
sync: SyncId, 
/**
 * The mapping as it is in the editor.
 */
mapping: Mapping, };

export type Code = "invalid_request" | "not_found" | "sign_in_needed" | "unavailable" | "busy" | "secrets_unavailable" | "disk_full" | "changed_elsewhere" | "mapping_invalid" | "platform" | "internal";

export type Compare = "exact" | "normalised";

export type CompareConnector = { 
/**
 * Which connector.
 */
connector: string, 
/**
 * The text; none: that of `version`.
 */
text?: string | null, 
/**
 * A version that was saved once.
 */
version?: number | null, };

export type ConfigField = { 
/**
 * As the request refers to it.
 */
name: string, 
/**
 * For people.
 */
label: string, 
/**
 * What to type, and where to find it.
 */
description?: string | null, 
/**
 * An example.
 */
placeholder?: string | null, 
/**
 * Filled in already.
 */
default?: string | null, 
/**
 * Must be filled in.
 */
required: boolean, 
/**
 * Goes to the keychain and is never shown again.
 */
secret: boolean, 
/**
 * Has several lines: a key, a certificate, a whole file.
 */
lines: boolean, };

export type ConfigValue = { 
/**
 * As the connector calls it.
 */
name: string, 
/**
 * For people.
 */
label: string, 
/**
 * What is set.
 */
value: string, };

export type ConflictCounts = { 
/**
 * All.
 */
total: number, 
/**
 * Decided, and not carried out yet.
 */
decided: number, };

export type ConflictId = string;

export type ConflictKind = "both_changed" | "first_meeting" | "deleted_on_source" | "deleted_on_target" | "loop" | "read_only" | "no_way_back" | "undo";

export type ConflictPage = { 
/**
 * In the order in which they were found.
 */
conflicts: Array<ConflictView>, 
/**
 * There are more.
 */
has_more: boolean, 
/**
 * All there are, of the sync or of all syncs.
 */
total: number, 
/**
 * Those that are decided and wait for being carried out.
 */
decided: number, };

export type ConflictView = { 
/**
 * Its id.
 */
id: ConflictId, 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * Its name.
 */
sync_name: string, 
/**
 * What a person calls the source.
 */
source_name: string, 
/**
 * What a person calls the target.
 */
target_name: string, 
/**
 * What a person would call the record.
 */
title: string, 
/**
 * The record of the source.
 */
source_key: string, 
/**
 * The record of the target.
 */
target_key: string, 
/**
 * The target's field; empty for the whole record.
 */
field: string, 
/**
 * How it came about.
 */
kind: ConflictKind, 
/**
 * What happened, in a sentence.
 */
what: string, 
/**
 * What both last agreed on; absent where they never did.
 */
base: unknown, 
/**
 * What the source says.
 */
source: unknown, 
/**
 * What the target says.
 */
target: unknown, 
/**
 * What was chosen; absent while nothing was.
 */
decision?: Decision | null, 
/**
 * When it was found.
 */
created_at: number, };

export type ConnectFlow = { 
/**
 * Its id.
 */
id: FlowId, 
/**
 * Which connector.
 */
connector: string, 
/**
 * The steps so far, the last one is where it stands.
 */
steps: Array<ConnectStep>, 
/**
 * What the person's browser was sent to, for "copy link".
 */
authorize_url?: string | null, 
/**
 * What the person types in there, where it is a device code.
 */
user_code?: string | null, 
/**
 * Until when it waits.
 */
expires_at: number | null, 
/**
 * How it ended, if it did.
 */
result?: ConnectResult | null, };

export type ConnectResult = { "kind": "connected", 
/**
 * The connection.
 */
connection: ConnectionId, 
/**
 * Who is signed in.
 */
account: string | null, } | { "kind": "failed", 
/**
 * What happened.
 */
message: string, 
/**
 * What to do.
 */
hint: string | null, } | { "kind": "wrong_account", 
/**
 * Who is connected.
 */
expected: string, 
/**
 * Who signed in.
 */
found: string, } | { "kind": "cancelled" };

export type ConnectStep = { 
/**
 * What.
 */
label: string, 
/**
 * How it stands.
 */
state: StepState, 
/**
 * What was seen, or what is wrong and what to do.
 */
detail?: string | null, 
/**
 * How long it took.
 */
took_ms: number | null, };

export type ConnectionDetail = { 
/**
 * As in lists.
 */
summary: ConnectionSummary, 
/**
 * Which way of signing in.
 */
auth_method: string, 
/**
 * Its label.
 */
auth_label: string, 
/**
 * The settings, without secrets.
 */
config: Array<ConfigValue>, 
/**
 * The same as they are stored; a secret is an object with the member `$secret`.
 */
settings: unknown, 
/**
 * What was granted.
 */
scopes: Array<string>, 
/**
 * Where its secret is kept.
 */
secrets_backend: string, 
/**
 * When the token in use ends.
 */
token_expires_at: number | null, 
/**
 * Its streams.
 */
streams: Array<StreamView>, };

export type ConnectionHealth = { "kind": "well" } | { "kind": "slowed", 
/**
 * Why.
 */
reason: string, } | { "kind": "unavailable", 
/**
 * What was seen.
 */
reason: string, } | { "kind": "sign_in_needed", 
/**
 * The platform's words.
 */
reason: string, } | { "kind": "untested" };

export type ConnectionId = string;

export type ConnectionRef = { 
/**
 * Its id.
 */
connection: ConnectionId, };

export type ConnectionSummary = { 
/**
 * Its id.
 */
id: ConnectionId, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * Which connector.
 */
connector: string, 
/**
 * The connector's name.
 */
connector_name: string, 
/**
 * For where there is no logo.
 */
monogram: string, 
/**
 * Colour of the monogram.
 */
color: string, 
/**
 * Who is signed in.
 */
account?: string | null, 
/**
 * How it is.
 */
health: ConnectionHealth, 
/**
 * Syncs that use it.
 */
used_by: Array<NamedSync>, 
/**
 * When it was made.
 */
created_at: number, };

export type ConnectorChange = { 
/**
 * What.
 */
kind: ConnectorChangeKind, 
/**
 * A sync that uses it may no longer work.
 */
may_break: boolean, 
/**
 * Of which stream.
 */
stream: string, 
/**
 * Which field, or what the kind is about.
 */
field?: string | null, 
/**
 * Syncs that use it.
 */
syncs: Array<NamedSync>, };

export type ConnectorChangeKind = "stream_gone" | "stream_refused" | "key_changed" | "cursor_changed" | "write_gone" | "field_gone" | "field_changed" | "stream_added" | "write_added" | "field_added";

export type ConnectorComparison = { 
/**
 * The file in use; empty when there is none of this name.
 */
before: string, 
/**
 * The other one.
 */
after: string, 
/**
 * What that means for syncs; what may break comes first.
 */
changes: Array<ConnectorChange>, };

export type ConnectorDetail = { 
/**
 * As in lists.
 */
summary: ConnectorSummary, 
/**
 * Where the platform's API is described.
 */
docs?: string | null, 
/**
 * Which version of the API it speaks.
 */
api_version?: string | null, 
/**
 * When that version ends.
 */
sunset?: string | null, 
/**
 * How fast it may be asked, in words.
 */
rate?: string | null, 
/**
 * Its streams.
 */
streams: Array<ConnectorStream>, 
/**
 * Templates from which further streams are made once it is connected.
 */
templates: Array<string>, 
/**
 * Streams that cannot be read here, and why.
 */
refused: Array<RefusedStream>, 
/**
 * The settings of a connection, as a JSON schema.
 */
specification: unknown, 
/**
 * Signing in through the browser, where the tokens become settings.
 */
oauth?: AdvancedAuthView | null, 
/**
 * Versions that were saved, newest first; none for those that come along.
 */
versions: Array<ConnectorVersionView>, 
/**
 * There is one of the same name that comes along: deleting this one brings it back.
 */
comes_along: boolean, 
/**
 * Connections that are made with it.
 */
connections: Array<NamedConnection>, };

export type ConnectorOrigin = "builtin" | "folder" | "own";

export type ConnectorProblem = { 
/**
 * The file, or a stream of it, does not work like this; else it is only suspicious.
 */
is_error: boolean, 
/**
 * Counted from 1; none where it stands nowhere.
 */
line?: number | null, 
/**
 * Counted from 1.
 */
column?: number | null, 
/**
 * The way to it: `streams[0].name`.
 */
path: string, 
/**
 * What is there.
 */
problem: string, 
/**
 * What would be right.
 */
expected: string, };

export type ConnectorRef = { 
/**
 * Its name, as connections refer to it.
 */
connector: string, };

export type ConnectorReport = { 
/**
 * The name that it would get.
 */
name?: string | null, 
/**
 * There is a connector of this name already.
 */
exists: boolean, 
/**
 * The platform's name for people, where the file can be read.
 */
title?: string | null, 
/**
 * It can be used, perhaps with less than it says.
 */
is_usable: boolean, 
/**
 * Streams that can be read.
 */
streams: Array<string>, 
/**
 * What is to be said about it.
 */
problems: Array<ConnectorProblem>, };

export type ConnectorSchema = { 
/**
 * The schema.
 */
schema: unknown, };

export type ConnectorSource = { "kind": "file", 
/**
 * Its name.
 */
name: string, } | { "kind": "pasted" } | { "kind": "editor" };

export type ConnectorStream = { 
/**
 * As documents refer to it.
 */
name: string, 
/**
 * For people.
 */
label: string, 
/**
 * Its fields; none where the platform itself is asked once a connection is there.
 */
schema?: Schema | null, 
/**
 * The fields that identify a record.
 */
key: Array<FieldPath>, 
/**
 * The field by which changes are found.
 */
cursor_field?: string | null, 
/**
 * What can be done with it.
 */
capabilities: CapabilitiesView, };

export type ConnectorSummary = { 
/**
 * As connections refer to it.
 */
id: string, 
/**
 * For people.
 */
name: string, 
/**
 * One sentence.
 */
summary: string, 
/**
 * One or two letters, for where there is no logo.
 */
monogram: string, 
/**
 * Colour of the monogram, as #rrggbb.
 */
color: string, 
/**
 * For filtering.
 */
categories: Array<string>, 
/**
 * Ways to sign in.
 */
auth: Array<AuthMethodView>, 
/**
 * What else has to be filled in.
 */
config: Array<ConfigField>, 
/**
 * The streams that it has.
 */
streams: Array<string>, 
/**
 * Can be written to.
 */
writes: boolean, 
/**
 * One of the platforms to try with.
 */
is_sample: boolean, 
/**
 * Where it is from.
 */
origin: ConnectorOrigin, 
/**
 * The version in use, where it is the person's own.
 */
version?: number | null, 
/**
 * Streams that cannot be read here.
 */
n_refused: number, 
/**
 * Why it cannot be used at all.
 */
problem?: string | null, };

export type ConnectorText = { 
/**
 * As it was written, YAML.
 */
text: string, };

export type ConnectorVersionRef = { 
/**
 * Which connector.
 */
connector: string, 
/**
 * Which version.
 */
version: number, };

export type ConnectorVersionView = { 
/**
 * Its number, from 1.
 */
version: number, 
/**
 * Where it came from.
 */
origin: string, 
/**
 * When it was saved.
 */
created_at: number, 
/**
 * It is the one in use.
 */
is_used: boolean, };

export type CreateSync = { 
/**
 * Empty: made from both sides.
 */
name: string, 
/**
 * From.
 */
source: StreamRef, 
/**
 * To.
 */
target: StreamRef, 
/**
 * What may be done.
 */
mode: WriteMode, 
/**
 * Target fields that tell which record is meant.
 */
match_on: Array<FieldPath>, };

export type DecideConflicts = { 
/**
 * Which.
 */
ids: Array<ConflictId>, 
/**
 * What is chosen; absent takes the choice back.
 */
decision?: Decision | null, 
/**
 * The same from now on whenever this field was changed on both sides. For a side only.
 */
always: boolean, };

export type Decision = { "take": "source" } | { "take": "target" } | { "take": "value", 
/**
 * The value.
 */
value: unknown, } | { "take": "keep_both" };

export type DeleteAction = { "kind": "keep" } | { "kind": "delete" } | { "kind": "archive" } | { "kind": "clear" } | { "kind": "set", 
/**
 * Field and value.
 */
fields: Record<string, unknown>, };

export type DeleteRule = { 
/**
 * What is done.
 */
action: DeleteAction, 
/**
 * Days that a record must have been gone before it is done; 0 at once.
 */
after_days: number, 
/**
 * Complete reads that must have missed a record before it counts as deleted, where the platform does not say
 * itself what was deleted.
 */
sightings: number, 
/**
 * Where the platform does not say what was deleted, everything is read at least this often, in hours.
 */
full_read_hours: number, };

export type DeletionsView = { "kind": "by_absence" } | { "kind": "marked", 
/**
 * The field.
 */
field: FieldPath, } | { "kind": "listed", 
/**
 * Its name.
 */
stream: string, };

export type DiagnosticSeverity = "error" | "warning" | "hint";

export type DiagnosticView = { 
/**
 * How bad.
 */
severity: DiagnosticSeverity, 
/**
 * Stable code.
 */
code: string, 
/**
 * Which target field.
 */
target?: FieldPath | null, 
/**
 * Which step of its rule.
 */
step?: number | null, 
/**
 * What is wrong.
 */
message: string, 
/**
 * What to do.
 */
suggestion?: string | null, 
/**
 * The rule as it would be when mended by one click; a null `rule` removes it.
 */
fix?: FixView | null, };

export type Direction = "both" | "to_target" | "to_source";

export type ExchangeId = string;

export type ExchangeView = { 
/**
 * Its id.
 */
id: ExchangeId, 
/**
 * When.
 */
at: number, 
/**
 * How long.
 */
took_ms: number, 
/**
 * GET, POST…
 */
method: string, 
/**
 * Address.
 */
url: string, 
/**
 * Headers.
 */
request_headers: Array<[string, string]>, 
/**
 * Body.
 */
request_body?: string | null, 
/**
 * None when no answer came.
 */
status?: number | null, 
/**
 * Headers.
 */
response_headers: Array<[string, string]>, 
/**
 * Body.
 */
response_body?: string | null, 
/**
 * What went wrong below HTTP.
 */
error?: string | null, 
/**
 * Which try.
 */
attempt: number, };

export type ExportedSync = { 
/**
 * For the file's name.
 */
file_name: string, 
/**
 * The file's text (JSON).
 */
text: string, };

export type Field = { 
/**
 * The name on the wire.
 */
name: string, 
/**
 * The name the platform shows to people, if it tells.
 */
label: string | null, 
/**
 * What the platform says about it.
 */
description: string | null, 
/**
 * What it holds.
 */
type: FieldType, 
/**
 * What the text means, where the platform says so.
 */
format: Format | null, 
/**
 * Must be present when a record is created.
 */
required: boolean, 
/**
 * Set by the platform; cannot be written.
 */
read_only: boolean, 
/**
 * May be null.
 */
nullable: boolean, 
/**
 * Identifies the record within its stream.
 */
key: boolean, 
/**
 * No two records share a value.
 */
unique: boolean, 
/**
 * Longest text, in characters.
 */
max_length: number | null, 
/**
 * The only values that are accepted.
 */
options: Array<FieldOption>, 
/**
 * The records that it names.
 */
references: FieldReference | null, 
/**
 * Added by the account's owner, not by the platform.
 */
custom: boolean, 
/**
 * Guessed from samples rather than declared.
 */
inferred: boolean, 
/**
 * Members, for objects and lists of objects.
 */
fields: Array<Field>, 
/**
 * What the items are, for lists.
 */
items: FieldType | null, };

export type FieldChange = { 
/**
 * Which.
 */
path: FieldPath, 
/**
 * Before; absent when not known or not there.
 */
before: unknown, 
/**
 * After; absent when it is left alone.
 */
after: unknown, };

export type FieldFailures = { 
/**
 * Which target field.
 */
target: FieldPath, 
/**
 * In how many samples.
 */
count: number, 
/**
 * Index of the first such sample.
 */
first_sample: number, 
/**
 * What the first one says.
 */
message: string, };

export type FieldOption = { 
/**
 * On the wire.
 */
value: string, 
/**
 * For people.
 */
label: string | null, };

export type FieldPath = string;

export type FieldPreview = { 
/**
 * Which target field.
 */
target: FieldPath, 
/**
 * The values it starts from.
 */
inputs: Array<unknown>, 
/**
 * The value after each step, or why there is none.
 */
steps: Array<StepPreview>, 
/**
 * What arrives.
 */
result: StepPreview, };

export type FieldProfile = { 
/**
 * Which.
 */
path: FieldPath, 
/**
 * Samples in which it has a value.
 */
filled: number, 
/**
 * Different values.
 */
distinct: number, 
/**
 * Longest text in characters.
 */
longest: number, 
/**
 * What most values look like ("e-mail address"), with the share in percent.
 */
looks_like?: string | null, 
/**
 * That share, in percent.
 */
looks_like_percent?: number | null, };

export type FieldReference = { 
/**
 * Their stream.
 */
stream: string, 
/**
 * Their field whose value is named.
 */
by: FieldPath, };

export type FieldRule = { 
/**
 * The target's field.
 */
field: FieldPath, 
/**
 * Which way its changes flow.
 */
direction: Direction, 
/**
 * Who is right when both sides changed it; none: as the whole sync has it.
 */
policy: Policy | null, 
/**
 * Who is right at the first meeting; none: as the whole sync has it.
 */
truth: Truth | null, 
/**
 * The steps from the target's value back to the source's, where they are chosen by hand.
 */
back: Array<Step> | null, };

export type FieldTripView = { 
/**
 * The target's field.
 */
target: FieldPath, 
/**
 * The source's field that it comes back to.
 */
source?: FieldPath | null, 
/**
 * How well.
 */
way: WayBackView, 
/**
 * What gets lost, or why nothing comes back.
 */
why?: string | null, 
/**
 * What the samples say: "A→B→A equal for 197; 3 differ (case)".
 */
trip?: string | null, 
/**
 * Samples that came back as something else.
 */
differ: number, };

export type FieldType = "any" | "text" | "integer" | "decimal" | "float" | "bool" | "date" | "time" | "timestamp" | "bytes" | "enum" | "object" | "list";

export type FixView = { 
/**
 * On the button.
 */
label: string, 
/**
 * Whose rule is replaced.
 */
target: FieldPath, 
/**
 * The new rule; none removes it.
 */
rule?: Rule | null, };

export type FlowId = string;

export type FlowRef = { 
/**
 * Its id.
 */
flow: FlowId, };

export type Format = "email" | "phone" | "url" | "uuid" | "country_code" | "language_code" | "currency" | "money" | "html" | "id";

export type GetConnectorText = { 
/**
 * Which connector.
 */
connector: string, 
/**
 * Which version; none: the one in use.
 */
version?: number | null, };

export type Guards = { 
/**
 * Hold when more than this percentage of the linked records would be updated.
 */
max_update_percent: number, 
/**
 * Hold when more than this percentage of the linked records would be deleted.
 */
max_delete_percent: number, 
/**
 * Operations that are done without asking; the others wait for a person.
 */
approved: Approved, 
/**
 * Hold when the source is empty although it had more than this many linked records.
 */
empty_source_above: number, 
/**
 * Percentages only count from this many records on.
 */
from_records: number, };

export type IncludePlanEntries = { 
/**
 * Which plan.
 */
plan: PlanId, 
/**
 * Which records; empty: all of `action`.
 */
seqs: Array<number>, 
/**
 * All of this action, when no records are named.
 */
action?: PlanAction | null, 
/**
 * On or off.
 */
included: boolean, };

export type ListConflicts = { 
/**
 * Only of this sync.
 */
sync?: SyncId | null, 
/**
 * Only of this record of the source.
 */
source_key?: string | null, 
/**
 * Only of this field.
 */
field?: string | null, 
/**
 * Only decided ones, or only open ones.
 */
is_decided?: boolean | null, 
/**
 * Only with this text in keys or values.
 */
search: string, 
/**
 * After this one.
 */
after?: ConflictId | null, 
/**
 * At most this many, up to 500.
 */
limit: number, };

export type ListPaused = { 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * After this key.
 */
after?: string | null, 
/**
 * At most this many, up to 500.
 */
limit: number, };

export type ListPlanEntries = { 
/**
 * Which plan.
 */
plan: PlanId, 
/**
 * Only these actions; empty: all but unchanged.
 */
actions: Array<PlanAction>, 
/**
 * Only where a key or value has this text.
 */
search: string, 
/**
 * The first one's place in the list, from 0.
 */
from: number, 
/**
 * At most this many, up to 500.
 */
limit: number, };

export type ListRunRecords = { 
/**
 * Only of this run.
 */
run?: RunId | null, 
/**
 * Only of this sync.
 */
sync?: SyncId | null, 
/**
 * Only these outcomes; empty: all.
 */
outcomes: Array<RecordOutcome>, 
/**
 * Only where a key, value or message has this text.
 */
search: string, 
/**
 * Only what still needs a person, whichever run saw it last. Needs `sync`; the other filters do not count.
 */
unwritten: boolean, 
/**
 * From here on (paging): the `next` of the page before.
 */
after?: string | null, 
/**
 * At most, up to 500.
 */
limit: number, };

export type ListRuns = { 
/**
 * Only of this sync.
 */
sync?: SyncId | null, 
/**
 * Only in these states; empty: all.
 */
states: Array<RunState>, 
/**
 * Before this one (paging).
 */
before?: RunId | null, 
/**
 * At most, up to 200.
 */
limit: number, };

export type Mapping = { 
/**
 * Version of this document.
 */
version: number, 
/**
 * One rule per target field.
 */
rules: Array<Rule>, };

export type MappingChoice = "today" | "then";

export type MappingPreview = { 
/**
 * Which sample, from 0.
 */
sample: number, 
/**
 * How many there are.
 */
samples: number, 
/**
 * What identifies the record.
 */
key?: string | null, 
/**
 * The source record.
 */
source: unknown, 
/**
 * The mapped record.
 */
mapped: unknown, 
/**
 * Each rule, step by step.
 */
fields: Array<FieldPreview>, };

export type MappingReport = { 
/**
 * Problems, errors first.
 */
diagnostics: Array<DiagnosticView>, 
/**
 * Target fields that have a rule.
 */
mapped: number, 
/**
 * Target fields that can have one.
 */
mappable: number, 
/**
 * Required target fields that have a rule.
 */
required_mapped: number, 
/**
 * Required target fields.
 */
required: number, 
/**
 * Sample records of the source.
 */
samples: number, 
/**
 * When they were read.
 */
samples_at: number | null, 
/**
 * How many samples would be held because of which target field.
 */
failing: Array<FieldFailures>, };

export type MatchRule = { 
/**
 * Target fields; all of them together must match.
 */
fields: Array<FieldPath>, 
/**
 * How their values are compared.
 */
compare: Compare, };

export type ModeChoice = { 
/**
 * The mode.
 */
mode: WriteMode, 
/**
 * Why it cannot be chosen; absent where it can.
 */
problem?: string | null, };

export type NamedConnection = { 
/**
 * Its id.
 */
id: ConnectionId, 
/**
 * Its name.
 */
name: string, };

export type NamedSync = { 
/**
 * Its id.
 */
id: SyncId, 
/**
 * Its name.
 */
name: string, };

export type NeedsYou = { 
/**
 * Stable as long as the cause is there.
 */
id: string, 
/**
 * How urgent it is.
 */
severity: NoteSeverity, 
/**
 * What.
 */
title: string, 
/**
 * Why, and what was not done.
 */
detail: string, 
/**
 * What the button does.
 */
action: NeedsYouAction, };

export type NeedsYouAction = { "kind": "reconnect", connection: ConnectionId, } | { "kind": "open_run", run: RunId, } | { "kind": "open_records", sync: SyncId, } | { "kind": "open_conflicts", sync: SyncId, } | { "kind": "open_mapping", sync: SyncId, } | { "kind": "open_plan", sync: SyncId, };

export type Note = { 
/**
 * How bad it is.
 */
severity: NoteSeverity, 
/**
 * What happened.
 */
message: string, 
/**
 * What to do.
 */
hint?: string | null, };

export type NoteSeverity = "info" | "warning" | "error";

export type Nothing = Record<string, never>;

export type NotifyWhen = "never" | "problems" | "always";

export type OnFailure = { "kind": "hold" } | { "kind": "null" } | { "kind": "skip" } | { "kind": "default", 
/**
 * The value to send.
 */
value: unknown, };

export type Origin = { "kind": "fields", 
/**
 * Paths in the source, in order.
 */
paths: Array<FieldPath>, } | { "kind": "constant", 
/**
 * The value.
 */
value: unknown, } | { "kind": "expression", 
/**
 * The template.
 */
template: string, };

export type Overview = { 
/**
 * What waits for a person, most urgent first.
 */
needs_you: Array<NeedsYou>, 
/**
 * Outcomes of the last 24 hours.
 */
last_day: RunCounts, 
/**
 * Runs in the last 24 hours.
 */
runs_last_day: number, 
/**
 * Syncs with their last runs.
 */
syncs: Array<SyncSummary>, 
/**
 * Connections with their health.
 */
connections: Array<ConnectionSummary>, };

export type ParamKindView = "text" | "number" | "bool" | "choice" | "text_list" | "value_table" | "value" | "template" | "zone" | "sync";

export type ParamView = { 
/**
 * As documents refer to it.
 */
name: string, 
/**
 * One sentence.
 */
summary: string, 
/**
 * How it is edited.
 */
kind: ParamKindView, 
/**
 * Must be given.
 */
required: boolean, 
/**
 * When it is not given.
 */
default: unknown, 
/**
 * For choices.
 */
options: Array<string>, };

export type PasteRedirect = { 
/**
 * Which flow.
 */
flow: FlowId, 
/**
 * The whole address.
 */
url: string, };

export type PauseRecords = { 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * Which records of the source.
 */
source_keys: Array<string>, 
/**
 * Out or in.
 */
is_paused: boolean, };

export type PauseSync = { 
/**
 * Which sync.
 */
sync: SyncId, 
/**
 * Whether it is paused from now on.
 */
is_paused: boolean, };

export type PausedCount = { 
/**
 * Records that are out now, or that take part again.
 */
records: number, };

export type PausedRecord = { 
/**
 * The record of the source.
 */
source_key: string, 
/**
 * Why.
 */
reason: string, 
/**
 * Since when.
 */
since: number, };

export type PlanAction = "create" | "update" | "delete" | "unchanged" | "filtered" | "invalid" | "held" | "conflict";

export type PlanCounts = { 
/**
 * Read from the source.
 */
read: number, 
/**
 * To be created.
 */
create: number, 
/**
 * To be updated.
 */
update: number, 
/**
 * To be deleted or put away.
 */
delete: number, 
/**
 * Already as they should be.
 */
unchanged: number, 
/**
 * Left out by the sync's rules.
 */
filtered: number, 
/**
 * The mapping cannot make them.
 */
invalid: number, 
/**
 * Held back.
 */
held: number, 
/**
 * Changed on both sides.
 */
conflict: number, };

export type PlanDetail = { 
/**
 * Its id.
 */
id: PlanId, 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * Its name.
 */
sync_name: string, 
/**
 * How it stands.
 */
state: PlanState, 
/**
 * What it is for.
 */
kind: PlanKind, 
/**
 * The run that it takes back, if it does that.
 */
of_run?: RunId | null, 
/**
 * When it was made.
 */
created_at: number, 
/**
 * Counts by action.
 */
counts: PlanCounts, 
/**
 * Records ticked off.
 */
excluded: number, 
/**
 * Those of them that would be deleted or put away.
 */
excluded_deletes: number, 
/**
 * Guards that would hold it: what, and how many.
 */
warnings: Array<string>, 
/**
 * Why it could not be made.
 */
problem?: Note | null, 
/**
 * What it is waiting for, while it is being made.
 */
waiting?: string | null, };

export type PlanEntries = { 
/**
 * In order.
 */
entries: Array<PlanEntryView>, 
/**
 * How many the whole list has.
 */
total: number, };

export type PlanEntryView = { 
/**
 * Sequence number within the plan.
 */
seq: number, 
/**
 * The record of the source.
 */
source_key: string, 
/**
 * The record of the target.
 */
target_key?: string | null, 
/**
 * What a person would call the record (its match value, usually).
 */
title: string, 
/**
 * What is to be done.
 */
action: PlanAction, 
/**
 * The side that is written.
 */
side: Side, 
/**
 * Field by field; of a conflict, what the source says and what the target says.
 */
fields: Array<FieldChange>, 
/**
 * Why not, for invalid and held.
 */
problem?: string | null, 
/**
 * Will be done.
 */
included: boolean, };

export type PlanId = string;

export type PlanKind = "run" | "undo" | "decisions" | "relink" | "purge";

export type PlanRef = { 
/**
 * Its id.
 */
plan: PlanId, };

export type PlanStarted = { 
/**
 * Which.
 */
plan: PlanId, };

export type PlanState = "building" | "ready" | "applied" | "discarded" | "failed";

export type Policy = "merge" | "source" | "target" | "newest" | "longest" | "min" | "max" | "union" | "ask";

export type PreviewMapping = { 
/**
 * Which sync.
 */
sync: SyncId, 
/**
 * The mapping as it is in the editor.
 */
mapping: Mapping, 
/**
 * Which sample, from 0.
 */
sample: number, };

export type PreviewRow = { 
/**
 * What identifies the record.
 */
key?: string | null, 
/**
 * What would be done.
 */
action: PlanAction, 
/**
 * The mapped record.
 */
mapped: unknown, 
/**
 * What the target has now, for updates.
 */
before: unknown, 
/**
 * Why it would be held.
 */
problem?: string | null, 
/**
 * Which target field the problem is about.
 */
problem_field?: FieldPath | null, };

export type PreviewRows = { 
/**
 * In the order of the samples.
 */
rows: Array<PreviewRow>, 
/**
 * How many of the samples would be created, updated, …; by look-up in the target where possible.
 */
creates: number, 
/**
 * Would be updated.
 */
updates: number, 
/**
 * Are already as they should be.
 */
unchanged: number, 
/**
 * Would be held back.
 */
holds: number, };

export type ReadOnly = "ignore" | "revert" | "error";

export type RecordOutcome = "created" | "updated" | "deleted" | "unchanged" | "filtered" | "invalid" | "rejected" | "conflict" | "held";

export type RefusedStream = { 
/**
 * Its name.
 */
stream: string, 
/**
 * Why, and what would help.
 */
reason: string, };

export type RenameConnection = { 
/**
 * Which.
 */
connection: ConnectionId, 
/**
 * The name.
 */
name: string, };

export type ResendRecord = { 
/**
 * Which run saw it.
 */
run: RunId, 
/**
 * Its place in that run.
 */
seq: number, 
/**
 * Fields of the target, by name, and what is to be in them.
 */
fields: Record<string, unknown>, };

export type RetryRecords = { 
/**
 * Of which run.
 */
run: RunId, 
/**
 * Which; empty: all that were invalid, rejected or held.
 */
seqs: Array<number>, 
/**
 * Absent: with the mapping of today.
 */
mapping?: MappingChoice | null, };

export type RoundTripReport = { 
/**
 * Field by field, in the order of the rules.
 */
fields: Array<FieldTripView>, 
/**
 * Records it was tried on.
 */
samples: number, };

export type Rule = { 
/**
 * The field that is filled.
 */
target: FieldPath, 
/**
 * Where the value comes from.
 */
origin: Origin, 
/**
 * What is done to it, in order.
 */
steps: Array<Step>, 
/**
 * What happens when the value cannot be made.
 */
on_failure: OnFailure, 
/**
 * A note of the person who drew it.
 */
comment?: string, };

export type RunCounts = { 
/**
 * Records that came from the source.
 */
read: number, 
/**
 * Made on the target.
 */
created: number, 
/**
 * Changed on the target.
 */
updated: number, 
/**
 * Deleted, or put away, because their counterpart was deleted.
 */
deleted: number, 
/**
 * Already as they should be.
 */
unchanged: number, 
/**
 * Left out by the sync's own rules (filter, update-only, insert-only, ticked off in the plan).
 */
filtered: number, 
/**
 * The mapping could not make a required value.
 */
invalid: number, 
/**
 * Refused by the target.
 */
rejected: number, 
/**
 * Changed on both sides; waits for a decision.
 */
conflict: number, 
/**
 * Kept back: ambiguous match, unknown outcome, or a field's "hold" rule.
 */
held: number, };

export type RunDetail = { 
/**
 * As in lists.
 */
summary: RunSummary, 
/**
 * The equation of promise 1, in words.
 */
equation: string, 
/**
 * It holds.
 */
balances: boolean, 
/**
 * The sync's version.
 */
sync_version: number, 
/**
 * Live figures, while it is at work.
 */
progress?: RunProgress | null, 
/**
 * What can be done when it waits for a person.
 */
can_approve: boolean, 
/**
 * It wrote something that can be taken back.
 */
can_undo: boolean, 
/**
 * The plan that it applies or waits with.
 */
plan?: PlanId | null, };

export type RunId = string;

export type RunProgress = { 
/**
 * Which run.
 */
run: RunId, 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * What it does at the moment.
 */
stage: string, 
/**
 * So far.
 */
counts: RunCounts, 
/**
 * Settled records a second, lately.
 */
records_per_second: number, 
/**
 * Why nothing happens at the moment.
 */
waiting?: string | null, };

export type RunRecordDetail = { 
/**
 * As in lists.
 */
summary: RunRecordSummary, 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * Its name.
 */
sync_name: string, 
/**
 * Field by field.
 */
fields: Array<FieldChange>, 
/**
 * The record as it came from the source.
 */
source: unknown, 
/**
 * The sync has another mapping by now.
 */
has_other_mapping: boolean, 
/**
 * The request that carried it, with secrets replaced.
 */
exchange?: ExchangeView | null, 
/**
 * What happened to the same record in other runs, newest first.
 */
timeline: Array<RunRecordSummary>, };

export type RunRecordRef = { 
/**
 * Which run.
 */
run: RunId, 
/**
 * Its place in the run.
 */
seq: number, };

export type RunRecordSummary = { 
/**
 * Which run.
 */
run: RunId, 
/**
 * Its place in the run.
 */
seq: number, 
/**
 * The record of the source.
 */
source_key: string, 
/**
 * The record of the target.
 */
target_key?: string | null, 
/**
 * What a person would call the record.
 */
title: string, 
/**
 * What became of it.
 */
outcome: RecordOutcome, 
/**
 * Why, if it was not written.
 */
message?: string | null, 
/**
 * Which field the message is about.
 */
field?: FieldPath | null, 
/**
 * How many fields were changed.
 */
changed_fields: number, 
/**
 * How often it was tried as the same; only in the list of what still needs a person.
 */
tries?: number | null, 
/**
 * Runs do not try it by themselves any more: it was tried too often.
 */
is_set_aside: boolean, 
/**
 * When.
 */
at: number, };

export type RunRecords = { 
/**
 * In order.
 */
records: Array<RunRecordSummary>, 
/**
 * Where the rest begins (`after` of the next request); none at the end. There may be more behind a page that has
 * no record: a search stops after a while to answer.
 */
next?: string | null, };

export type RunRef = { 
/**
 * Its id.
 */
run: RunId, };

export type RunState = "queued" | "running" | "waiting" | "completed" | "cancelled" | "failed" | "interrupted";

export type RunSummary = { 
/**
 * Its id.
 */
id: RunId, 
/**
 * Of which sync.
 */
sync: SyncId, 
/**
 * Its name.
 */
sync_name: string, 
/**
 * Why it ran.
 */
trigger: Trigger, 
/**
 * How it stands.
 */
state: RunState, 
/**
 * Why it waits or failed.
 */
reason?: string | null, 
/**
 * Its arithmetic.
 */
counts: RunCounts, 
/**
 * When it began.
 */
started_at: number, 
/**
 * When it ended.
 */
finished_at: number | null, };

export type SamplePlatforms = { 
/**
 * Where Harbor CRM can be looked at in a browser.
 */
harbor_url: string, 
/**
 * Where Postino can be looked at in a browser.
 */
postino_url: string, 
/**
 * How to sign in at Harbor CRM: e-mail address and password of the demo user.
 */
harbor_login: string, 
/**
 * The same for Postino.
 */
postino_login: string, };

export type SampleRequest = { 
/**
 * Which sync.
 */
sync: SyncId, 
/**
 * Read from the platform even if samples are kept.
 */
refresh: boolean, };

export type Samples = { 
/**
 * The records.
 */
records: Array<unknown>, 
/**
 * When they were read.
 */
read_at: number, 
/**
 * What the samples tell of each source field.
 */
profile: Array<FieldProfile>, };

export type SaveConnector = { 
/**
 * What it is called.
 */
name: string, 
/**
 * The file.
 */
text: string, 
/**
 * Where it comes from, for the list of versions.
 */
origin: ConnectorSource, };

export type SaveDraft = { 
/**
 * Which.
 */
sync: SyncId, 
/**
 * New name.
 */
name?: string | null, 
/**
 * New mapping.
 */
mapping?: Mapping | null, 
/**
 * The mapping that the new one was made from: it is refused when another has taken its place meanwhile.
 */
mapping_was?: Mapping | null, 
/**
 * New mode.
 */
mode?: WriteMode | null, 
/**
 * New match key.
 */
match_on?: Array<FieldPath> | null, 
/**
 * More ways to find a counterpart.
 */
match_also?: Array<MatchRule> | null, 
/**
 * New filter; empty for none.
 */
filter?: string | null, 
/**
 * What happens when a record is deleted.
 */
deletes?: DeleteRule | null, 
/**
 * Whether changes flow both ways.
 */
is_two_way?: boolean | null, 
/**
 * How both sides come together.
 */
two_way?: TwoWay | null, 
/**
 * New guards.
 */
guards?: Guards | null, 
/**
 * Runs that try a record by themselves which could not be written.
 */
most_tries?: number | null, 
/**
 * New schedule; 0 for none.
 */
every_minutes?: number | null, };

export type SavedConnector = { 
/**
 * As connections refer to it.
 */
connector: string, 
/**
 * The version in use.
 */
version: number, 
/**
 * The version in use before; none when it is new.
 */
before?: number | null, };

export type Schema = { 
/**
 * Top-level fields in the platform's order.
 */
fields: Array<Field>, };

export type ScopeView = { 
/**
 * As the platform calls it.
 */
name: string, 
/**
 * Why.
 */
reason: string, };

export type Settings = { 
/**
 * Space for the history, in megabytes.
 */
history_budget_mb: number, 
/**
 * Show a notification when a run ends: never, only on problems, always.
 */
notify: NotifyWhen, 
/**
 * All scheduled runs pause.
 */
paused: boolean, };

export type Side = "source" | "target";

export type SideView = { 
/**
 * Which connection.
 */
connection: ConnectionId, 
/**
 * Its name.
 */
connection_name: string, 
/**
 * For where there is no logo.
 */
monogram: string, 
/**
 * Colour of the monogram.
 */
color: string, 
/**
 * Which stream.
 */
stream: string, 
/**
 * Its name for people.
 */
stream_label: string, };

export type StartConnect = { 
/**
 * Which connector.
 */
connector: string, 
/**
 * Which way of signing in.
 */
auth_method: string, 
/**
 * What the person calls it; empty: from the account.
 */
name: string, 
/**
 * The form's values, secrets included; texts are brought to the types that the connector asks for.
 */
config: Record<string, unknown>, 
/**
 * Sign in again for this connection instead of making one.
 */
reconnect?: ConnectionId | null, };

export type StartOver = "cursor" | "links" | "purge";

export type StartOverRequest = { 
/**
 * Which sync.
 */
sync: SyncId, 
/**
 * How.
 */
what: StartOver, };

export type StartTry = { 
/**
 * With which account.
 */
account: TryAccount, 
/**
 * Which stream.
 */
stream: string, 
/**
 * How far it counts as read, in the low-code format's own words.
 */
state: unknown, 
/**
 * The connector file as it is being edited, instead of the one in use.
 */
draft?: string | null, };

export type StartUndo = { 
/**
 * Which run.
 */
run: RunId, 
/**
 * Only these records, by their place in the run; empty for all.
 */
seqs: Array<number>, 
/**
 * Only these fields of what was updated; empty for all.
 */
fields: Array<string>, };

export type Started = { 
/**
 * Which.
 */
run: RunId, };

export type Step = { 
/**
 * The transform's name, a verb: see `mapping::transforms`.
 */
name: string, 
/**
 * Its parameters.
 */
with: Record<string, unknown>, };

export type StepPreview = { 
/**
 * The value; absent when there is none.
 */
value: unknown, 
/**
 * Why there is none.
 */
problem?: string | null, };

export type StepState = "running" | "done" | "failed";

export type Storage = { 
/**
 * Documents, links, journal.
 */
main_bytes: number, 
/**
 * The history.
 */
history_bytes: number, 
/**
 * The history's budget.
 */
history_budget_bytes: number, };

export type StreamDetail = { 
/**
 * As documents refer to it.
 */
name: string, 
/**
 * For people.
 */
label: string, 
/**
 * Its fields.
 */
schema: Schema, 
/**
 * The fields that identify a record.
 */
key: Array<FieldPath>, 
/**
 * The field by which changes are found.
 */
cursor_field?: FieldPath | null, 
/**
 * What can be done.
 */
capabilities: CapabilitiesView, };

export type StreamRef = { 
/**
 * The account.
 */
connection: ConnectionId, 
/**
 * The stream's name.
 */
stream: string, };

export type StreamRequest = { 
/**
 * Which connection.
 */
connection: ConnectionId, 
/**
 * Which stream.
 */
stream: string, };

export type StreamView = { 
/**
 * As documents refer to it.
 */
name: string, 
/**
 * For people.
 */
label: string, 
/**
 * What can be done.
 */
capabilities: CapabilitiesView, };

export type SuggestMapping = { 
/**
 * Which sync.
 */
sync: SyncId, 
/**
 * The mapping as it is in the editor: what is mapped stays.
 */
mapping: Mapping, };

export type Suggestion = { 
/**
 * The rule as it would be.
 */
rule: Rule, 
/**
 * 0 to 1.
 */
score: number, 
/**
 * Why, in short words.
 */
reasons: Array<string>, 
/**
 * A sample before.
 */
sample_in: unknown, 
/**
 * And after.
 */
sample_out: unknown, 
/**
 * Good enough to be ticked already.
 */
ticked: boolean, };

export type SuggestionList = { 
/**
 * Best first.
 */
suggestions: Array<Suggestion>, };

export type SyncDetail = { 
/**
 * As in lists.
 */
summary: SyncSummary, 
/**
 * What is being edited: the draft, or what is in force.
 */
mapping: Mapping, 
/**
 * Target fields that tell which record is meant.
 */
match_on: Array<FieldPath>, 
/**
 * When to stop and ask.
 */
guards: Guards, 
/**
 * Runs that try a record by themselves which could not be written.
 */
most_tries: number, 
/**
 * More ways to find a counterpart, in their order.
 */
match_also: Array<MatchRule>, 
/**
 * Only records for which this template is true.
 */
filter?: string | null, 
/**
 * What happens when a record is deleted.
 */
deletes: DeleteRule, 
/**
 * How both sides come together; absent where changes flow one way.
 */
two_way?: TwoWay | null, 
/**
 * What the target lets one do, mode by mode.
 */
modes: Array<ModeChoice>, 
/**
 * Source and target as last read from the platforms; none when they could not be.
 */
source?: StreamDetail | null, 
/**
 * The same for the target.
 */
target?: StreamDetail | null, 
/**
 * Why one of them is missing.
 */
problem?: Note | null, 
/**
 * What differs between draft and the version in force, in words.
 */
draft_changes: Array<string>, };

export type SyncId = string;

export type SyncRef = { 
/**
 * Its id.
 */
sync: SyncId, };

export type SyncState = { "kind": "draft" } | { "kind": "ready" } | { "kind": "running", 
/**
 * Which run.
 */
run: RunId, } | { "kind": "healthy" } | { "kind": "waiting", 
/**
 * Which run.
 */
run: RunId, 
/**
 * Why.
 */
reason: string, } | { "kind": "failing", 
/**
 * Which run.
 */
run: RunId, 
/**
 * Why.
 */
reason: string, };

export type SyncSummary = { 
/**
 * Its id.
 */
id: SyncId, 
/**
 * Its name.
 */
name: string, 
/**
 * From.
 */
source: SideView, 
/**
 * To.
 */
target: SideView, 
/**
 * What may be done.
 */
mode: WriteMode, 
/**
 * Changes flow both ways.
 */
is_two_way: boolean, 
/**
 * How it is.
 */
state: SyncState, 
/**
 * The latest runs, oldest first, at most 24.
 */
recent_runs: Array<RunSummary>, 
/**
 * Minutes between scheduled runs.
 */
every_minutes?: number | null, 
/**
 * It does not run by itself, whatever its schedule says; by hand it does.
 */
is_paused: boolean, 
/**
 * When the next run is due.
 */
next_run_at: number | null, 
/**
 * The version in force.
 */
version: number, 
/**
 * There are changes that are not published.
 */
has_draft: boolean, };

export type Tag = "app" | "connectors" | "connections" | "streams" | "syncs" | "mapping" | "samples" | "plans" | "conflicts" | "runs" | "run_records" | "settings";

export type TestResult = { 
/**
 * In order; the test ends at the first failure.
 */
steps: Array<ConnectStep>, 
/**
 * All went well.
 */
ok: boolean, };

export type TransformExample = { 
/**
 * Before.
 */
input: unknown, 
/**
 * The step.
 */
step: Step, 
/**
 * After.
 */
output: unknown, };

export type TransformView = { 
/**
 * As documents refer to it.
 */
name: string, 
/**
 * What a person calls it.
 */
label: string, 
/**
 * For the menu.
 */
group: string, 
/**
 * One sentence.
 */
summary: string, 
/**
 * Other words people look for.
 */
synonyms: Array<string>, 
/**
 * Its parameters.
 */
params: Array<ParamView>, 
/**
 * An example.
 */
example?: TransformExample | null, 
/**
 * What comes out.
 */
output: string, };

export type Trigger = "manual" | "plan" | "schedule" | "retry" | "undo" | "decisions" | "purge";

export type Truth = "source" | "target" | "newest" | "ask";

export type TryAccount = { "kind": "connection", 
/**
 * Which.
 */
connection: ConnectionId, } | { "kind": "form", 
/**
 * Which connector.
 */
connector: string, 
/**
 * Which of its ways to sign in.
 */
auth_method: string, 
/**
 * The form's values, secrets included.
 */
config: Record<string, unknown>, };

export type TryId = string;

export type TryPage = { 
/**
 * Counted from 1.
 */
number: number, 
/**
 * Every request since the page before, with secrets replaced.
 */
exchanges: Array<ExchangeView>, 
/**
 * The first of the records, each as JSON with its numbers as they came.
 */
records: Array<string>, 
/**
 * How many records the page has.
 */
n_records: number, 
/**
 * The part of the stream that the page belongs to.
 */
slice: unknown, 
/**
 * How far the stream counts as read after it; none where it has no cursor.
 */
state: unknown, 
/**
 * Everything has been read.
 */
is_over: boolean, 
/**
 * Why there is no page.
 */
error?: ApiError | null, };

export type TryRef = { 
/**
 * Its id.
 */
try: TryId, };

export type TwoWay = { 
/**
 * Who is right when a field was changed on both sides.
 */
policy: Policy, 
/**
 * Who is right where two records meet for the first time and differ.
 */
truth: Truth, 
/**
 * New records of the target are made on the source too.
 */
creates_on_source: boolean, 
/**
 * What happens to a change in a field that does not flow that way.
 */
read_only: ReadOnly, 
/**
 * What is different for single fields.
 */
fields: Array<FieldRule>, };

export type UiEvent = { "kind": "changed", 
/**
 * Which.
 */
tags: Array<Tag>, } | { "kind": "progress", 
/**
 * Its figures.
 */
progress: RunProgress, } | { "kind": "run_finished", 
/**
 * How.
 */
run: RunSummary, } | { "kind": "connect_flow", 
/**
 * Where it stands.
 */
flow: ConnectFlow, } | { "kind": "plan_progress", 
/**
 * Where it stands.
 */
plan: PlanDetail, };

export type ValidateConnector = { 
/**
 * What it would be called; empty: not decided.
 */
name: string, 
/**
 * The file.
 */
text: string, };

export type WayBackView = "exact" | "lossy" | "one_way";

export type WriteMode = "create" | "update" | "upsert" | "mirror" | "append" | "full_refresh";

export interface Commands {
  get_app_status: { request: Nothing; response: AppStatus };
  get_overview: { request: Nothing; response: Overview };
  start_sample_platforms: { request: Nothing; response: SamplePlatforms };
  get_settings: { request: Nothing; response: Settings };
  update_settings: { request: Settings; response: Settings };
  get_storage: { request: Nothing; response: Storage };
  list_connectors: { request: Nothing; response: Array<ConnectorSummary> };
  get_connector: { request: ConnectorRef; response: ConnectorDetail };
  get_connector_text: { request: GetConnectorText; response: ConnectorText };
  get_connector_schema: { request: Nothing; response: ConnectorSchema };
  validate_connector: { request: ValidateConnector; response: ConnectorReport };
  compare_connector: { request: CompareConnector; response: ConnectorComparison };
  save_connector: { request: SaveConnector; response: SavedConnector };
  use_connector_version: { request: ConnectorVersionRef; response: SavedConnector };
  delete_connector: { request: ConnectorRef; response: Array<NamedConnection> };
  restore_connector: { request: ConnectorRef; response: SavedConnector };
  start_try: { request: StartTry; response: TryRef };
  next_try_page: { request: TryRef; response: TryPage };
  stop_try: { request: TryRef; response: Nothing };
  list_connections: { request: Nothing; response: Array<ConnectionSummary> };
  get_connection: { request: ConnectionRef; response: ConnectionDetail };
  start_connect: { request: StartConnect; response: ConnectFlow };
  get_connect_flow: { request: FlowRef; response: ConnectFlow };
  open_connect_page: { request: FlowRef; response: ConnectFlow };
  paste_redirect: { request: PasteRedirect; response: ConnectFlow };
  cancel_connect: { request: FlowRef; response: ConnectFlow };
  test_connection: { request: ConnectionRef; response: TestResult };
  rename_connection: { request: RenameConnection; response: ConnectionSummary };
  delete_connection: { request: ConnectionRef; response: Array<NamedSync> };
  restore_connection: { request: ConnectionRef; response: ConnectionSummary };
  describe_stream: { request: StreamRequest; response: StreamDetail };
  list_syncs: { request: Nothing; response: Array<SyncSummary> };
  get_sync: { request: SyncRef; response: SyncDetail };
  create_sync: { request: CreateSync; response: SyncSummary };
  save_draft: { request: SaveDraft; response: SyncSummary };
  publish_sync: { request: SyncRef; response: SyncSummary };
  pause_sync: { request: PauseSync; response: SyncSummary };
  discard_draft: { request: SyncRef; response: SyncDetail };
  delete_sync: { request: SyncRef; response: Nothing };
  restore_sync: { request: SyncRef; response: SyncSummary };
  export_sync: { request: SyncRef; response: ExportedSync };
  get_samples: { request: SampleRequest; response: Samples };
  check_mapping: { request: CheckMapping; response: MappingReport };
  preview_mapping: { request: PreviewMapping; response: MappingPreview };
  check_round_trip: { request: SyncRef; response: RoundTripReport };
  preview_rows: { request: CheckMapping; response: PreviewRows };
  suggest_mapping: { request: SuggestMapping; response: SuggestionList };
  list_transforms: { request: Nothing; response: Array<TransformView> };
  start_plan: { request: SyncRef; response: PlanStarted };
  get_plan: { request: PlanRef; response: PlanDetail };
  list_plan_entries: { request: ListPlanEntries; response: PlanEntries };
  include_plan_entries: { request: IncludePlanEntries; response: PlanDetail };
  apply_plan: { request: PlanRef; response: Started };
  discard_plan: { request: PlanRef; response: Nothing };
  start_undo: { request: StartUndo; response: PlanStarted };
  list_conflicts: { request: ListConflicts; response: ConflictPage };
  decide_conflicts: { request: DecideConflicts; response: ConflictCounts };
  start_decisions: { request: SyncRef; response: PlanStarted };
  pause_records: { request: PauseRecords; response: PausedCount };
  list_paused: { request: ListPaused; response: Array<PausedRecord> };
  start_over: { request: StartOverRequest; response: PlanStarted };
  start_run: { request: SyncRef; response: Started };
  cancel_run: { request: RunRef; response: RunSummary };
  approve_run: { request: RunRef; response: Started };
  list_runs: { request: ListRuns; response: Array<RunSummary> };
  get_run: { request: RunRef; response: RunDetail };
  list_run_records: { request: ListRunRecords; response: RunRecords };
  get_run_record: { request: RunRecordRef; response: RunRecordDetail };
  retry_unwritten: { request: SyncRef; response: Started };
  retry_records: { request: RetryRecords; response: Started };
  resend_record: { request: ResendRecord; response: Started };
}

export const rules: { [K in keyof Commands]: { kind: "query" | "mutation"; tags: Tag[] } } = {
  get_app_status: { kind: "query", tags: ["app"] },
  get_overview: { kind: "query", tags: ["connections", "syncs", "runs"] },
  start_sample_platforms: { kind: "mutation", tags: ["app", "connectors"] },
  get_settings: { kind: "query", tags: ["settings"] },
  update_settings: { kind: "mutation", tags: ["settings", "syncs"] },
  get_storage: { kind: "query", tags: ["run_records"] },
  list_connectors: { kind: "query", tags: ["connectors"] },
  get_connector: { kind: "query", tags: ["connectors", "connections"] },
  get_connector_text: { kind: "query", tags: ["connectors"] },
  get_connector_schema: { kind: "query", tags: [] },
  validate_connector: { kind: "query", tags: ["connectors"] },
  compare_connector: { kind: "query", tags: ["connectors", "connections", "syncs"] },
  save_connector: { kind: "mutation", tags: ["connectors", "connections", "streams", "mapping", "app"] },
  use_connector_version: { kind: "mutation", tags: ["connectors", "connections", "streams", "mapping", "app"] },
  delete_connector: { kind: "mutation", tags: ["connectors", "connections", "streams", "mapping", "app"] },
  restore_connector: { kind: "mutation", tags: ["connectors", "connections", "streams", "mapping", "app"] },
  start_try: { kind: "mutation", tags: [] },
  next_try_page: { kind: "mutation", tags: [] },
  stop_try: { kind: "mutation", tags: [] },
  list_connections: { kind: "query", tags: ["connections", "syncs"] },
  get_connection: { kind: "query", tags: ["connections", "streams"] },
  start_connect: { kind: "mutation", tags: [] },
  get_connect_flow: { kind: "query", tags: [] },
  open_connect_page: { kind: "mutation", tags: [] },
  paste_redirect: { kind: "mutation", tags: [] },
  cancel_connect: { kind: "mutation", tags: [] },
  test_connection: { kind: "mutation", tags: ["connections"] },
  rename_connection: { kind: "mutation", tags: ["connections", "syncs"] },
  delete_connection: { kind: "mutation", tags: ["connections", "syncs"] },
  restore_connection: { kind: "mutation", tags: ["connections", "syncs"] },
  describe_stream: { kind: "query", tags: ["streams"] },
  list_syncs: { kind: "query", tags: ["syncs", "runs", "connections"] },
  get_sync: { kind: "query", tags: ["syncs", "mapping", "streams"] },
  create_sync: { kind: "mutation", tags: ["syncs"] },
  save_draft: { kind: "mutation", tags: ["syncs"] },
  publish_sync: { kind: "mutation", tags: ["syncs", "mapping"] },
  pause_sync: { kind: "mutation", tags: ["syncs"] },
  discard_draft: { kind: "mutation", tags: ["syncs", "mapping"] },
  delete_sync: { kind: "mutation", tags: ["syncs"] },
  restore_sync: { kind: "mutation", tags: ["syncs"] },
  export_sync: { kind: "query", tags: ["syncs"] },
  get_samples: { kind: "query", tags: ["samples"] },
  check_mapping: { kind: "query", tags: ["streams", "samples"] },
  preview_mapping: { kind: "query", tags: ["streams", "samples", "runs"] },
  check_round_trip: { kind: "query", tags: ["syncs", "mapping", "streams", "samples"] },
  preview_rows: { kind: "query", tags: ["streams", "samples", "runs"] },
  suggest_mapping: { kind: "query", tags: ["streams", "samples"] },
  list_transforms: { kind: "query", tags: [] },
  start_plan: { kind: "mutation", tags: ["plans"] },
  get_plan: { kind: "query", tags: ["plans"] },
  list_plan_entries: { kind: "query", tags: ["plans"] },
  include_plan_entries: { kind: "mutation", tags: ["plans"] },
  apply_plan: { kind: "mutation", tags: ["plans", "runs", "syncs"] },
  discard_plan: { kind: "mutation", tags: ["plans"] },
  start_undo: { kind: "mutation", tags: ["plans"] },
  list_conflicts: { kind: "query", tags: ["conflicts", "syncs"] },
  decide_conflicts: { kind: "mutation", tags: ["conflicts", "syncs"] },
  start_decisions: { kind: "mutation", tags: ["plans"] },
  pause_records: { kind: "mutation", tags: ["syncs", "run_records"] },
  list_paused: { kind: "query", tags: ["syncs", "run_records"] },
  start_over: { kind: "mutation", tags: ["plans", "syncs"] },
  start_run: { kind: "mutation", tags: ["runs", "syncs"] },
  cancel_run: { kind: "mutation", tags: ["runs", "syncs"] },
  approve_run: { kind: "mutation", tags: ["runs", "syncs"] },
  list_runs: { kind: "query", tags: ["runs"] },
  get_run: { kind: "query", tags: ["runs"] },
  list_run_records: { kind: "query", tags: ["run_records"] },
  get_run_record: { kind: "query", tags: ["run_records"] },
  retry_unwritten: { kind: "mutation", tags: ["runs", "syncs", "run_records"] },
  retry_records: { kind: "mutation", tags: ["runs", "syncs", "run_records"] },
  resend_record: { kind: "mutation", tags: ["runs", "syncs", "run_records"] },
};
