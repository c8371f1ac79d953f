//! Connectors: what they are, their files and versions, and trying them.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

/// Where a connector is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorOrigin {
    /// It comes along.
    Builtin,
    /// A file in the workspace's folder `connectors`.
    Folder,
    /// The person's own, kept with its versions.
    Own,
}

views! {
    /// Which connector.
    struct ConnectorRef {
        /// Its name, as connections refer to it.
        pub connector: String,
    }

    /// A connector with everything.
    struct ConnectorDetail {
        /// As in lists.
        pub summary: ConnectorSummary,
        /// Where the platform's API is described.
        pub docs: Option<String>,
        /// Which version of the API it speaks.
        pub api_version: Option<String>,
        /// When that version ends.
        pub sunset: Option<String>,
        /// How fast it may be asked, in words.
        pub rate: Option<String>,
        /// Its streams.
        pub streams: Vec<ConnectorStream>,
        /// Templates from which further streams are made once it is connected.
        pub templates: Vec<String>,
        /// Streams that cannot be read here, and why.
        pub refused: Vec<RefusedStream>,
        /// The settings of a connection, as a JSON schema.
        #[ts(type = "unknown")]
        pub specification: serde_json::Value,
        /// Signing in through the browser, where the tokens become settings.
        pub oauth: Option<AdvancedAuthView>,
        /// Versions that were saved, newest first; none for those that come along.
        pub versions: Vec<ConnectorVersionView>,
        /// There is one of the same name that comes along: deleting this one brings it back.
        pub comes_along: bool,
        /// Connections that are made with it.
        pub connections: Vec<NamedConnection>,
    }

    /// A stream of a connector, as its file describes it.
    struct ConnectorStream {
        /// As documents refer to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// Its fields; none where the platform itself is asked once a connection is there.
        pub schema: Option<Schema>,
        /// The fields that identify a record.
        pub key: Vec<FieldPath>,
        /// The field by which changes are found.
        pub cursor_field: Option<String>,
        /// What can be done with it.
        pub capabilities: CapabilitiesView,
    }

    /// A stream that cannot be read here.
    struct RefusedStream {
        /// Its name.
        pub stream: String,
        /// Why, and what would help.
        pub reason: String,
    }

    /// Signing in through the browser, where the tokens become settings.
    struct AdvancedAuthView {
        /// For people.
        pub label: String,
        /// The way of signing in, for the request.
        pub auth_method: String,
        /// It applies where this setting has `predicate_value`; empty: always.
        pub predicate: Vec<String>,
        /// See `predicate`.
        #[ts(type = "unknown")]
        pub predicate_value: serde_json::Value,
        /// Settings that the sign-in fills in.
        pub fills: Vec<Vec<String>>,
        /// What a person has to do at the platform first.
        pub checklist: Vec<String>,
    }

    /// A version of an own connector.
    struct ConnectorVersionView {
        /// Its number, from 1.
        pub version: u32,
        /// Where it came from.
        pub origin: String,
        /// When it was saved.
        #[ts(type = "number")]
        pub created_at: i64,
        /// It is the one in use.
        pub is_used: bool,
    }

    /// A connection by name.
    struct NamedConnection {
        /// Its id.
        pub id: ConnectionId,
        /// Its name.
        pub name: String,
    }

    /// The text of a connector file.
    struct GetConnectorText {
        /// Which connector.
        pub connector: String,
        /// Which version; none: the one in use.
        pub version: Option<u32>,
    }

    /// A connector file.
    struct ConnectorText {
        /// As it was written, YAML.
        pub text: String,
    }

    /// Looks through a connector file without keeping it.
    struct ValidateConnector {
        /// What it would be called; empty: not decided.
        pub name: String,
        /// The file.
        pub text: String,
    }

    /// What a connector file is and what is wrong with it.
    struct ConnectorReport {
        /// The name that it would get.
        pub name: Option<String>,
        /// There is a connector of this name already.
        pub exists: bool,
        /// The platform's name for people, where the file can be read.
        pub title: Option<String>,
        /// It can be used, perhaps with less than it says.
        pub is_usable: bool,
        /// Streams that can be read.
        pub streams: Vec<String>,
        /// What is to be said about it.
        pub problems: Vec<ConnectorProblem>,
    }

    /// Something in a connector file.
    struct ConnectorProblem {
        /// The file, or a stream of it, does not work like this; else it is only suspicious.
        pub is_error: bool,
        /// Counted from 1; none where it stands nowhere.
        pub line: Option<u32>,
        /// Counted from 1.
        pub column: Option<u32>,
        /// The way to it: `streams[0].name`.
        pub path: String,
        /// What is there.
        pub problem: String,
        /// What would be right.
        pub expected: String,
    }

    /// What a text in place of a connector's file would change.
    struct CompareConnector {
        /// Which connector.
        pub connector: String,
        /// The text; none: that of `version`.
        pub text: Option<String>,
        /// A version that was saved once.
        pub version: Option<u32>,
    }

    /// Two texts of a connector file, and what the second changes.
    struct ConnectorComparison {
        /// The file in use; empty when there is none of this name.
        pub before: String,
        /// The other one.
        pub after: String,
        /// What that means for syncs; what may break comes first.
        pub changes: Vec<ConnectorChange>,
    }

    /// What another version of a connector file changes.
    struct ConnectorChange {
        /// What.
        pub kind: ConnectorChangeKind,
        /// A sync that uses it may no longer work.
        pub may_break: bool,
        /// Of which stream.
        pub stream: String,
        /// Which field, or what the kind is about.
        pub field: Option<String>,
        /// Syncs that use it.
        pub syncs: Vec<NamedSync>,
    }

    /// Saves a connector file as the version in use.
    struct SaveConnector {
        /// What it is called.
        pub name: String,
        /// The file.
        pub text: String,
        /// Where it comes from, for the list of versions.
        pub origin: ConnectorSource,
    }

    /// A connector file was saved.
    struct SavedConnector {
        /// As connections refer to it.
        pub connector: String,
        /// The version in use.
        pub version: u32,
        /// The version in use before; none when it is new.
        pub before: Option<u32>,
    }

    /// Which version of which connector.
    struct ConnectorVersionRef {
        /// Which connector.
        pub connector: String,
        /// Which version.
        pub version: u32,
    }

    /// The JSON schema of connector files.
    struct ConnectorSchema {
        /// The schema.
        #[ts(type = "unknown")]
        pub schema: serde_json::Value,
    }

    /// Begins to try a stream.
    struct StartTry {
        /// With which account.
        pub account: TryAccount,
        /// Which stream.
        pub stream: String,
        /// How far it counts as read, in the low-code format's own words.
        #[ts(type = "unknown")]
        pub state: Option<serde_json::Value>,
        /// The connector file as it is being edited, instead of the one in use.
        pub draft: Option<String>,
    }

    /// Which try.
    struct TryRef {
        /// Its id.
        #[serde(rename = "try")]
        pub id: TryId,
    }

    /// A page of a stream that is being tried.
    struct TryPage {
        /// Counted from 1.
        pub number: u32,
        /// Every request since the page before, with secrets replaced.
        pub exchanges: Vec<ExchangeView>,
        /// The first of the records, each as JSON with its numbers as they came.
        pub records: Vec<String>,
        /// How many records the page has.
        pub n_records: u32,
        /// The part of the stream that the page belongs to.
        #[ts(type = "unknown")]
        pub slice: serde_json::Value,
        /// How far the stream counts as read after it; none where it has no cursor.
        #[ts(type = "unknown")]
        pub state: Option<serde_json::Value>,
        /// Everything has been read.
        pub is_over: bool,
        /// Why there is no page.
        pub error: Option<ApiError>,
    }
}

/// Where a version of a connector file comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectorSource {
    /// A file that was chosen.
    File {
        /// Its name.
        name: String,
    },
    /// Pasted text.
    Pasted,
    /// The editor.
    Editor,
}

/// What another version of a connector file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it; see engine::connector_files")]
pub enum ConnectorChangeKind {
    StreamGone,
    StreamRefused,
    KeyChanged,
    CursorChanged,
    WriteGone,
    FieldGone,
    FieldChanged,
    StreamAdded,
    WriteAdded,
    FieldAdded,
}

/// With which account a stream is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TryAccount {
    /// That of a connection.
    Connection {
        /// Which.
        connection: ConnectionId,
    },
    /// One that is filled in and not stored.
    Form {
        /// Which connector.
        connector: String,
        /// Which of its ways to sign in.
        auth_method: String,
        /// The form's values, secrets included.
        #[ts(type = "Record<string, unknown>")]
        config: serde_json::Map<String, serde_json::Value>,
    },
}
