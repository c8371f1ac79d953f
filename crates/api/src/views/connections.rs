//! Connectors and connections.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

/// How one learns what was deleted from a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeletionsView {
    /// By reading everything and seeing what is missing.
    ByAbsence,
    /// Deleted records are still listed, and a field says so.
    Marked {
        /// The field.
        field: FieldPath,
    },
    /// Another stream lists them.
    Listed {
        /// Its name.
        stream: String,
    },
}

views! {
    /// A platform in the gallery.
    struct ConnectorSummary {
        /// As connections refer to it.
        pub id: String,
        /// For people.
        pub name: String,
        /// One sentence.
        pub summary: String,
        /// One or two letters, for where there is no logo.
        pub monogram: String,
        /// Colour of the monogram, as #rrggbb.
        pub color: String,
        /// For filtering.
        pub categories: Vec<String>,
        /// Ways to sign in.
        pub auth: Vec<AuthMethodView>,
        /// What else has to be filled in.
        pub config: Vec<ConfigField>,
        /// The streams that it has.
        pub streams: Vec<String>,
        /// Can be written to.
        pub writes: bool,
        /// One of the platforms to try with.
        pub is_sample: bool,
        /// Where it is from.
        pub origin: ConnectorOrigin,
        /// The version in use, where it is the person's own.
        pub version: Option<u32>,
        /// Streams that cannot be read here.
        pub n_refused: u32,
        /// Why it cannot be used at all.
        pub problem: Option<String>,
    }

    /// A way to sign in.
    struct AuthMethodView {
        /// As requests refer to it.
        pub name: String,
        /// For people: "Sign in with Harbor CRM".
        pub label: String,
        /// How it goes.
        pub kind: AuthKind,
        /// What has to be typed in (API key, user and password).
        pub fields: Vec<ConfigField>,
        /// What will be asked for, with the reason, for OAuth.
        pub scopes: Vec<ScopeView>,
        /// What a person has to do at the platform first.
        pub checklist: Vec<String>,
    }

    /// One permission that will be asked for.
    struct ScopeView {
        /// As the platform calls it.
        pub name: String,
        /// Why.
        pub reason: String,
    }

    /// A field of the connect form.
    struct ConfigField {
        /// As the request refers to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// What to type, and where to find it.
        pub description: Option<String>,
        /// An example.
        pub placeholder: Option<String>,
        /// Filled in already.
        pub default: Option<String>,
        /// Must be filled in.
        pub required: bool,
        /// Goes to the keychain and is never shown again.
        pub secret: bool,
        /// Has several lines: a key, a certificate, a whole file.
        pub lines: bool,
    }
}

/// How a sign-in goes: in a browser, by a code for any device, by a key, a token, user and password, or by something
/// else that is typed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AuthKind {
    Browser,
    Device,
    ApiKey,
    Bearer,
    Basic,
    Other,
}

/// How a connection is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectionHealth {
    /// Signed in, and the last request went well.
    Well,
    /// Waits for its rate limit, or is slow.
    Slowed {
        /// Why.
        reason: String,
    },
    /// The platform does not answer; requests pause for a while.
    Unavailable {
        /// What was seen.
        reason: String,
    },
    /// A person has to sign in again.
    SignInNeeded {
        /// The platform's words.
        reason: String,
    },
    /// Saved without a successful test.
    Untested,
}

views! {
    /// A connection in a list.
    struct ConnectionSummary {
        /// Its id.
        pub id: ConnectionId,
        /// What the person calls it.
        pub name: String,
        /// Which connector.
        pub connector: String,
        /// The connector's name.
        pub connector_name: String,
        /// For where there is no logo.
        pub monogram: String,
        /// Colour of the monogram.
        pub color: String,
        /// Who is signed in.
        pub account: Option<String>,
        /// How it is.
        pub health: ConnectionHealth,
        /// Syncs that use it.
        pub used_by: Vec<NamedSync>,
        /// When it was made.
        #[ts(type = "number")]
        pub created_at: i64,
    }

    /// A connection with everything.
    struct ConnectionDetail {
        /// As in lists.
        pub summary: ConnectionSummary,
        /// Which way of signing in.
        pub auth_method: String,
        /// Its label.
        pub auth_label: String,
        /// The settings, without secrets.
        pub config: Vec<ConfigValue>,
        /// The same as they are stored; a secret is an object with the member `$secret`.
        #[ts(type = "unknown")]
        pub settings: serde_json::Value,
        /// What was granted.
        pub scopes: Vec<String>,
        /// Where its secret is kept.
        pub secrets_backend: String,
        /// When the token in use ends.
        #[ts(type = "number | null")]
        pub token_expires_at: Option<i64>,
        /// Its streams.
        pub streams: Vec<StreamView>,
    }

    /// A setting with its value.
    struct ConfigValue {
        /// As the connector calls it.
        pub name: String,
        /// For people.
        pub label: String,
        /// What is set.
        pub value: String,
    }

    /// A sync by name.
    struct NamedSync {
        /// Its id.
        pub id: SyncId,
        /// Its name.
        pub name: String,
    }

    /// A stream in a list.
    struct StreamView {
        /// As documents refer to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// What can be done.
        pub capabilities: CapabilitiesView,
    }

    /// What can be done with a stream.
    struct CapabilitiesView {
        /// Records can be read.
        pub read: bool,
        /// Only what changed can be read.
        pub incremental: bool,
        /// Records can be created.
        pub create: bool,
        /// Records can be changed.
        pub update: bool,
        /// Records can be deleted.
        pub delete: bool,
        /// Records can be put away.
        pub archive: bool,
        /// The field by which the platform itself decides whether a record is created or changed.
        pub upsert: Option<FieldPath>,
        /// Records per write request.
        pub batch_size: u32,
        /// Fields by which a record can be looked up.
        pub match_by: Vec<FieldPath>,
        /// Sending the same create twice creates once.
        pub idempotent_create: bool,
        /// How one learns what was deleted.
        pub deletions: DeletionsView,
    }

    /// Begins to connect. For a browser sign-in the browser is opened; the others are tested at once.
    struct StartConnect {
        /// Which connector.
        pub connector: String,
        /// Which way of signing in.
        pub auth_method: String,
        /// What the person calls it; empty: from the account.
        pub name: String,
        /// The form's values, secrets included; texts are brought to the types that the connector asks for.
        #[ts(type = "Record<string, unknown>")]
        pub config: serde_json::Map<String, serde_json::Value>,
        /// Sign in again for this connection instead of making one.
        pub reconnect: Option<ConnectionId>,
    }

    /// A sign-in under way.
    struct ConnectFlow {
        /// Its id.
        pub id: FlowId,
        /// Which connector.
        pub connector: String,
        /// The steps so far, the last one is where it stands.
        pub steps: Vec<ConnectStep>,
        /// What the person's browser was sent to, for "copy link".
        pub authorize_url: Option<String>,
        /// What the person types in there, where it is a device code.
        pub user_code: Option<String>,
        /// Until when it waits.
        #[ts(type = "number | null")]
        pub expires_at: Option<i64>,
        /// How it ended, if it did.
        pub result: Option<ConnectResult>,
    }

    /// One step of connecting.
    struct ConnectStep {
        /// What.
        pub label: String,
        /// How it stands.
        pub state: StepState,
        /// What was seen, or what is wrong and what to do.
        pub detail: Option<String>,
        /// How long it took.
        #[ts(type = "number | null")]
        pub took_ms: Option<u64>,
    }

    /// Which flow.
    struct FlowRef {
        /// Its id.
        pub flow: FlowId,
    }

    /// The person pasted the address that their browser ended at.
    struct PasteRedirect {
        /// Which flow.
        pub flow: FlowId,
        /// The whole address.
        pub url: String,
    }

    /// Which connection.
    struct ConnectionRef {
        /// Its id.
        pub connection: ConnectionId,
    }

    /// A new name.
    struct RenameConnection {
        /// Which.
        pub connection: ConnectionId,
        /// The name.
        pub name: String,
    }

    /// The steps of a test.
    struct TestResult {
        /// In order; the test ends at the first failure.
        pub steps: Vec<ConnectStep>,
        /// All went well.
        pub ok: bool,
    }

    /// Which stream of which connection.
    struct StreamRequest {
        /// Which connection.
        pub connection: ConnectionId,
        /// Which stream.
        pub stream: String,
    }

    /// A stream with its fields.
    struct StreamDetail {
        /// As documents refer to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// Its fields.
        pub schema: Schema,
        /// The fields that identify a record.
        pub key: Vec<FieldPath>,
        /// The field by which changes are found.
        pub cursor_field: Option<FieldPath>,
        /// What can be done.
        pub capabilities: CapabilitiesView,
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum StepState {
    Running,
    Done,
    Failed,
}

/// How connecting ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectResult {
    /// Saved.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Who is signed in.
        account: Option<String>,
    },
    /// Not saved.
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Another account than before signed in; nothing was changed.
    WrongAccount {
        /// Who is connected.
        expected: String,
        /// Who signed in.
        found: String,
    },
    /// The person stopped it.
    Cancelled,
}
