//! The examples of the documentation do what it says.

use bytes::Bytes;
use model::clock::Clock;
use model::row::Row;
use template::{Env, Scope};

use super::*;
use crate::declarative::decode::{Decoder, Ending};
use crate::declarative::extract::{Extraction, Extractor, Run};
use crate::declarative::node::View;
use crate::declarative::transform::Transformation;

/// The records that an example makes, as the runtime makes them.
fn made(kind: &str, example: &Example) -> Vec<Value> {
    let node = Node::parse("the example", &example.write).unwrap();
    let view = View::root("the example", &node);
    let (scope, env) = (Scope::new(), Env::new(Clock::system()));
    let bytes = Bytes::copy_from_slice(example.from.as_bytes());
    let mut rows = Vec::new();
    match kind {
        "decoder" => {
            let decoder = Decoder::compile(Some(&view)).unwrap();
            let keep = crate::declarative::decode::json::Keep::Nothing;
            let mut body = decoder.start(&Extraction::whole(), keep, None);
            body.push(bytes, &mut rows).unwrap();
            body.finish(&mut rows).unwrap();
        }
        "extractor" => {
            let extraction = Extractor::compile(&view)
                .unwrap()
                .fill(&scope, &env)
                .unwrap();
            let mut run = Run::new(&extraction);
            run.body(Row::parse(&bytes).unwrap(), &mut rows).unwrap();
            run.finish(&mut rows, &mut Ending::default());
        }
        "transformation" => {
            let mut row = Row::parse(&bytes).unwrap();
            let transformation = Transformation::compile(&view).unwrap();
            transformation.apply(&mut row, &scope, &env).unwrap();
            rows.push(row);
        }
        other => panic!("there is no way to try an example of a {other}"),
    }
    rows.iter()
        .map(|row| serde_json::from_slice(&row.to_json()).unwrap())
        .collect()
}

#[test]
fn the_examples_do_what_is_said_of_them() {
    let mut tried = 0;
    for (name, component) in &SHAPES.components {
        let Some(example) = &component.example else {
            continue;
        };
        let kind = SHAPES.kinds.iter().find(|(_, kind)| kind.of.contains(name));
        let said: Vec<Value> = example
            .gives
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(made(kind.unwrap().0, example), said, "{name}");
        tried += 1;
    }
    assert!(tried >= 12, "only {tried} examples");
}

#[test]
fn what_only_we_have_is_shown_by_an_example() {
    // What a migration starts from is no record, and partitions are none.
    const WITHOUT: &[&str] = &["StateMigration", "ConfigOrParentPartitionRouter"];
    for (name, component) in &SHAPES.components {
        if component.is_addition && !WITHOUT.contains(&name.as_str()) {
            assert!(component.example.is_some(), "{name}");
        }
    }
}
