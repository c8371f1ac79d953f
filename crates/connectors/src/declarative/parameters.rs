//! Fills in the types that may be left out and hands `$parameters` down, as the other format does.

use super::node::{Kind, Node};

/// Components whose `type` may be left out: parent and member, and what is meant.
const DEFAULT_TYPES: [(&str, &str); 38] = [
    ("DeclarativeSource.check", "CheckStream"),
    ("DeclarativeSource.spec", "Spec"),
    ("DeclarativeSource.streams", "DeclarativeStream"),
    ("DeclarativeStream.retriever", "SimpleRetriever"),
    ("DeclarativeStream.schema_loader", "JsonFileSchemaLoader"),
    ("SimpleRetriever.requester", "HttpRequester"),
    ("SimpleRetriever.record_selector", "RecordSelector"),
    ("SimpleRetriever.paginator", "NoPagination"),
    ("SimpleRetriever.decoder", "JsonDecoder"),
    ("AsyncRetriever.creation_requester", "HttpRequester"),
    ("AsyncRetriever.polling_requester", "HttpRequester"),
    ("AsyncRetriever.download_requester", "HttpRequester"),
    ("AsyncRetriever.record_selector", "RecordSelector"),
    ("SessionTokenAuthenticator.login_requester", "HttpRequester"),
    ("SessionTokenAuthenticator.decoder", "JsonDecoder"),
    ("HttpRequester.error_handler", "DefaultErrorHandler"),
    ("RecordSelector.extractor", "DpathExtractor"),
    ("RecordSelector.record_filter", "RecordFilter"),
    ("DpathExtractor.decoder", "JsonDecoder"),
    ("DefaultPaginator.decoder", "JsonDecoder"),
    ("DefaultPaginator.page_size_option", "RequestOption"),
    ("DefaultPaginator.page_token_option", "RequestOption"),
    ("CursorPagination.decoder", "JsonDecoder"),
    ("DefaultErrorHandler.response_filters", "HttpResponseFilter"),
    (
        "CompositeErrorHandler.error_handlers",
        "DefaultErrorHandler",
    ),
    ("DatetimeBasedCursor.start_datetime", "MinMaxDatetime"),
    ("DatetimeBasedCursor.end_datetime", "MinMaxDatetime"),
    ("DatetimeBasedCursor.start_time_option", "RequestOption"),
    ("DatetimeBasedCursor.end_time_option", "RequestOption"),
    ("ApiKeyAuthenticator.inject_into", "RequestOption"),
    ("ListPartitionRouter.request_option", "RequestOption"),
    (
        "SubstreamPartitionRouter.parent_stream_configs",
        "ParentStreamConfig",
    ),
    ("ParentStreamConfig.request_option", "RequestOption"),
    ("ParentStreamConfig.stream", "DeclarativeStream"),
    ("AddFields.fields", "AddedFieldDefinition"),
    ("DynamicSchemaLoader.retriever", "SimpleRetriever"),
    (
        "DynamicSchemaLoader.schema_type_identifier",
        "SchemaTypeIdentifier",
    ),
    ("HttpComponentsResolver.retriever", "SimpleRetriever"),
];

/// What a component with a `class_name` and without a `type` is.
const CUSTOM_TYPES: [(&str, &str); 9] = [
    (
        "CompositeErrorHandler.backoff_strategies",
        "CustomBackoffStrategy",
    ),
    (
        "DefaultErrorHandler.backoff_strategies",
        "CustomBackoffStrategy",
    ),
    ("DeclarativeStream.retriever", "CustomRetriever"),
    ("DeclarativeStream.transformations", "CustomTransformation"),
    (
        "DefaultPaginator.pagination_strategy",
        "CustomPaginationStrategy",
    ),
    ("HttpRequester.authenticator", "CustomAuthenticator"),
    ("HttpRequester.error_handler", "CustomErrorHandler"),
    ("RecordSelector.extractor", "CustomRecordExtractor"),
    ("SimpleRetriever.partition_router", "CustomPartitionRouter"),
];

/// Members of the file that are not made of components.
const LEFT_ALONE: [&str; 5] = ["patchbay", "definitions", "schemas", "metadata", "spec"];

/// Does both for the whole file.
pub fn propagate(root: &Node) -> Node {
    let mut root = root.clone();
    if root.get("type").is_none() {
        root.set("type", Node::text("DeclarativeSource".into()));
    }
    component(root, "", &[], 0, false)
}

/// Does both once more for a stream that was made from a template. `outer_wins`: of equal names the parameter of the
/// outer component counts.
pub fn propagate_again(stream: Node, outer_wins: bool) -> Node {
    component(stream, "", &[], 1, outer_wins)
}

fn left_out_type(node: &Node, parent_and_field: &str) -> Option<&'static str> {
    let types: &[(&str, &'static str)] = match node.get("class_name") {
        Some(_) => &CUSTOM_TYPES,
        None => &DEFAULT_TYPES,
    };
    types
        .iter()
        .find(|(place, _)| *place == parent_and_field)
        .map(|(_, name)| *name)
}

fn component(
    mut node: Node,
    parent_and_field: &str,
    above: &[(String, Node)],
    depth: usize,
    outer_wins: bool,
) -> Node {
    if depth > 100 || !matches!(node.kind, Kind::Map(_)) {
        return node;
    }
    if node.get("type").is_none()
        && let Some(name) = left_out_type(&node, parent_and_field)
    {
        node.set("type", Node::text(name.to_owned()));
    }
    let type_name = match node.get("type") {
        // A JSON schema: its `type` is something else.
        Some(found) => match found.as_text() {
            Some("object") | None => return node,
            Some(name) => name.to_owned(),
        },
        None => {
            let holds_components = match &node.kind {
                Kind::Map(members) => members
                    .iter()
                    .any(|(_, value)| value.get("type").is_some_and(|t| t.as_text().is_some())),
                _ => false,
            };
            if !holds_components {
                return node;
            }
            String::new()
        }
    };
    let mut parameters: Vec<(String, Node)> = match node.get("$parameters").map(|own| &own.kind) {
        Some(Kind::Map(own)) => own.clone(),
        _ => Vec::new(),
    };
    for (name, value) in above {
        match parameters.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) if outer_wins => *own = value.clone(),
            Some(_) => {}
            None => parameters.push((name.clone(), value.clone())),
        }
    }
    if !type_name.is_empty() {
        for (name, value) in &parameters {
            if node.get(name).is_none_or(Node::is_falsy) {
                node.set(name, value.clone());
            }
        }
    }
    let Kind::Map(members) = node.kind else {
        return node;
    };
    let mut out = Vec::with_capacity(members.len() + 1);
    for (name, value) in members {
        if name == "$parameters" {
            continue;
        }
        if depth == 0 && LEFT_ALONE.contains(&name.as_str()) {
            out.push((name, value));
            continue;
        }
        // What was copied from a parameter is data, not a component below this one.
        let is_parameter = parameters
            .iter()
            .any(|(parameter, copied)| *parameter == name && *copied == value);
        let place = format!("{type_name}.{name}");
        let below: Vec<(String, Node)> = parameters
            .iter()
            .filter(|(parameter, _)| *parameter != name)
            .cloned()
            .collect();
        let value = match value.kind {
            _ if is_parameter => value,
            Kind::Map(_) => component(value, &place, &below, depth + 1, outer_wins),
            Kind::List(items) => Node {
                at: value.at,
                kind: Kind::List(
                    items
                        .into_iter()
                        .map(|item| component(item, &place, &below, depth + 1, outer_wins))
                        .collect(),
                ),
            },
            _ => value,
        };
        out.push((name, value));
    }
    // A map of components is none itself: its members are names.
    if !parameters.is_empty() && !type_name.is_empty() {
        out.push((
            "$parameters".into(),
            Node {
                at: node.at,
                kind: Kind::Map(parameters),
            },
        ));
    }
    Node {
        at: node.at,
        kind: Kind::Map(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_down_to_typed_components_and_the_nearest_wins() {
        let node = Node::parse(
            "x.yaml",
            "streams:
  - $parameters: {name: contacts, path: /c, primary_key: id}
    retriever:
      requester:
        url_base: http://x
        authenticator: {type: SelectiveAuthenticator, authenticators: {key: {type: NoAuth}}}
      record_selector: {extractor: {field_path: [a], $parameters: {name: inner}}}
    schema_loader: {type: InlineSchemaLoader, schema: {type: object, properties: {}}}
",
        )
        .unwrap();
        let out = propagate(&node).to_json();
        let stream = &out["streams"][0];
        assert_eq!(stream["type"], "DeclarativeStream");
        assert_eq!(stream["name"], "contacts");
        assert_eq!(stream["retriever"]["requester"]["path"], "/c");
        assert_eq!(stream["retriever"]["requester"]["type"], "HttpRequester");
        let extractor = &stream["retriever"]["record_selector"]["extractor"];
        assert_eq!(extractor["name"], "inner");
        assert_eq!(extractor["$parameters"]["path"], "/c");
        let choices = &stream["retriever"]["requester"]["authenticator"]["authenticators"];
        assert_eq!(choices["key"]["$parameters"]["path"], "/c");
        assert_eq!(
            choices.get("$parameters"),
            None,
            "a map of components is no component"
        );
        let schema = &stream["schema_loader"]["schema"];
        assert_eq!(
            *schema,
            serde_json::json!({"type": "object", "properties": {}})
        );
    }
}
