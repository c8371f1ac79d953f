//! Parts of a connector file that are written in Python. They are refused by name; streams without them run.

use super::node::{Kind, Node};

/// Why a stream cannot be read, where one of its parts is written in Python.
pub fn refusal(stream: &Node) -> Option<String> {
    let mut found = Vec::new();
    collect(stream, &mut found, 0);
    if found.is_empty() {
        return None;
    }
    found.sort();
    found.dedup();
    let list: Vec<String> = found
        .into_iter()
        .map(|(kind, class)| format!("{kind} ({class})"))
        .collect();
    Some(format!(
        "it uses {}, which is Python code; describe this part with the built-in components instead",
        list.join(", ")
    ))
}

fn collect(node: &Node, found: &mut Vec<(String, String)>, depth: usize) {
    if depth > 100 {
        return;
    }
    match &node.kind {
        Kind::Map(members) => {
            let class = node.get("class_name").and_then(Node::as_text);
            let kind = node.get("type").and_then(Node::as_text);
            if class.is_some() || kind.is_some_and(|kind| kind.starts_with("Custom")) {
                found.push((
                    kind.unwrap_or("a custom component").to_owned(),
                    class.unwrap_or("no class named").to_owned(),
                ));
            }
            for (name, value) in members {
                if name != "$parameters" {
                    collect(value, found, depth + 1);
                }
            }
        }
        Kind::List(items) => {
            for item in items {
                collect(item, found, depth + 1);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_parts_are_named() {
        let node = Node::parse(
            "x.yaml",
            "retriever: {type: SimpleRetriever, record_selector: {extractor: {type: CustomRecordExtractor, class_name: source_x.components.Y}}}",
        )
        .unwrap();
        let reason = refusal(&node).unwrap();
        assert!(
            reason.contains("CustomRecordExtractor (source_x.components.Y)"),
            "{reason}"
        );
        let untyped = Node::parse("x.yaml", "{type: A, b: {class_name: source_x.Z}}").unwrap();
        let reason = refusal(&untyped).unwrap();
        assert!(
            reason.contains("a custom component (source_x.Z)"),
            "{reason}"
        );
        assert_eq!(
            refusal(&Node::parse("x.yaml", "{type: A, b: [1]}").unwrap()),
            None
        );
    }
}
