//! Lists.

use std::collections::HashSet;

use model::field::FieldType;
use model::value::Value;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use crate::words::quoted;

fn items_of(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::List(items) => Ok(items),
        other => Err(format!("expected a list but got {}", quoted(&other))),
    }
}

pub(crate) const FIRST: Transform = Transform {
    name: "first",
    label: "First",
    group: Group::List,
    summary: "Takes the first item; null where there is none.",
    synonyms: &["head", "list to value"],
    params: &[],
    input: Kinds::LIST,
    output: OutputKind::Item,
    joins: true,
    examples: &[eg(r#"["a","b"]"#, "{}", r#""a""#), eg("[]", "{}", "null")],
    build: |_| {
        Ok(
            Action::plain(|value| Ok(items_of(value)?.into_iter().next().unwrap_or_default()))
                .into(),
        )
    },
};

pub(crate) const LAST: Transform = Transform {
    name: "last",
    label: "Last",
    group: Group::List,
    summary: "Takes the last item; null where there is none.",
    synonyms: &["tail", "latest"],
    params: &[],
    input: Kinds::LIST,
    output: OutputKind::Item,
    joins: true,
    examples: &[eg(r#"["a","b"]"#, "{}", r#""b""#)],
    build: |_| Ok(Action::plain(|value| Ok(items_of(value)?.pop().unwrap_or_default())).into()),
};

pub(crate) const ITEM: Transform = Transform {
    name: "item",
    label: "Item",
    group: Group::List,
    summary: "Takes the item at a place, or a member of an object; null where there is none.",
    synonyms: &["nth", "index", "member", "get"],
    params: &[
        Param::optional(
            "at",
            ParamKind::Integer,
            "the place, from 0; below 0 counts from the end",
        )
        .or("0"),
        Param::optional(
            "member",
            ParamKind::Text,
            "the member to take, of an object or of the item",
        ),
    ],
    input: Kinds::LIST.or(Kinds::OBJECT),
    output: OutputKind::Of(FieldType::Any),
    joins: true,
    examples: &[
        eg(r#"["a","b","c"]"#, r#"{"at":1}"#, r#""b""#),
        eg(r#"["a","b"]"#, r#"{"at":-1}"#, r#""b""#),
        eg(
            r#"[{"email":"a@x.org"}]"#,
            r#"{"member":"email"}"#,
            r#""a@x.org""#,
        ),
        eg(r#"{"code":7}"#, r#"{"member":"code"}"#, "7"),
    ],
    build: |with| {
        let at = with.integer("at").unwrap_or(0);
        let member = with.text("member");
        Ok(Action::plain(move |value| {
            let item = match value {
                Value::List(items) => {
                    let index = usize::try_from(at).ok().or_else(|| {
                        items
                            .len()
                            .checked_sub(usize::try_from(at.unsigned_abs()).ok()?)
                    });
                    index
                        .and_then(|index| items.into_iter().nth(index))
                        .unwrap_or_default()
                }
                object @ Value::Object(_) if member.is_some() => object,
                other => return Err(format!("expected a list but got {}", quoted(&other))),
            };
            match (&member, item) {
                (None, item) => Ok(item),
                (Some(_), Value::Null) => Ok(Value::Null),
                (Some(name), Value::Object(mut object)) => {
                    Ok(object.remove(name).unwrap_or_default())
                }
                (Some(_), other) => Err(format!("expected an object but got {}", quoted(&other))),
            }
        })
        .into())
    },
};

pub(crate) const COUNT: Transform = Transform {
    name: "count",
    label: "Count",
    group: Group::List,
    summary: "Counts the items of a list.",
    synonyms: &["length", "size", "number of"],
    params: &[],
    input: Kinds::LIST,
    output: OutputKind::Of(FieldType::Integer),
    joins: true,
    examples: &[eg(r#"["a","b"]"#, "{}", "2"), eg("[]", "{}", "0")],
    build: |_| {
        Ok(Action::plain(|value| {
            Ok(Value::Int(
                i64::try_from(items_of(value)?.len()).unwrap_or(i64::MAX),
            ))
        })
        .into())
    },
};

pub(crate) const DISTINCT: Transform = Transform {
    name: "distinct",
    label: "Distinct",
    group: Group::List,
    summary: "Leaves out items that came before.",
    synonyms: &["unique", "dedupe", "remove duplicates"],
    params: &[
        Param::optional("ignore_case", ParamKind::Flag, "Vip and vip are the same").or("false"),
    ],
    input: Kinds::LIST,
    output: OutputKind::Of(FieldType::List),
    joins: true,
    examples: &[
        eg(r#"["a","b","a"]"#, "{}", r#"["a","b"]"#),
        eg(r#"["Vip","vip"]"#, r#"{"ignore_case":true}"#, r#"["Vip"]"#),
        eg("[1.0,1]", "{}", "[1.0]"),
    ],
    build: |with| {
        let fold = with.flag("ignore_case");
        Ok(Action::plain(move |value| {
            let mut seen = HashSet::new();
            let mut items = items_of(value)?;
            items.retain(|item| {
                seen.insert(match item {
                    Value::Text(text) if fold => Value::Text(text.to_lowercase()).fingerprint(),
                    other => other.fingerprint(),
                })
            });
            Ok(Value::List(items))
        })
        .into())
    },
};

pub(crate) const COMPACT: Transform = Transform {
    name: "compact",
    label: "Drop empty items",
    group: Group::List,
    summary: "Leaves out empty items and, where given, everything after so many.",
    synonyms: &["remove empty", "limit list", "take"],
    params: &[Param::optional(
        "most",
        ParamKind::Integer,
        "how many items to keep",
    )],
    input: Kinds::LIST,
    output: OutputKind::Of(FieldType::List),
    joins: true,
    examples: &[
        eg(r#"["a",null," ","b"]"#, "{}", r#"["a","b"]"#),
        eg("[1,2,3]", r#"{"most":2}"#, "[1,2]"),
    ],
    build: |with| {
        let most = with.count("most", usize::MAX)?.unwrap_or(usize::MAX);
        Ok(Action::plain(move |value| {
            let mut items = items_of(value)?;
            items.retain(|item| !super::empty::is_blank(item));
            items.truncate(most);
            Ok(Value::List(items))
        })
        .into())
    },
};

pub(crate) const EACH: Transform = Transform {
    name: "each",
    label: "For each",
    group: Group::List,
    summary: "Does steps with every item of a list.",
    synonyms: &["map", "for each", "loop", "items"],
    params: &[Param::required(
        "steps",
        ParamKind::Steps,
        "the steps to do",
    )],
    input: Kinds::LIST,
    output: OutputKind::Of(FieldType::List),
    joins: true,
    examples: &[
        eg(
            r#"[" Vip","New "]"#,
            r#"{"steps":[{"name":"trim"},{"name":"lower"}]}"#,
            r#"["vip","new"]"#,
        ),
        eg(
            r#"["1","x"]"#,
            r#"{"steps":[{"name":"to_integer"}]}"#,
            "error: item 2: \"x\" is not a number",
        ),
    ],
    build: |with| {
        let steps = with.steps("steps")?;
        let reads = steps.iter().flat_map(|step| step.reads.clone()).collect();
        let action = Action::Plain(Box::new(move |value, scope| {
            let mut items = items_of(value)?;
            for (n, item) in items.iter_mut().enumerate() {
                let mut missing = false;
                for step in &steps {
                    *item = step
                        .run(std::mem::take(item), &mut missing, scope)
                        .map_err(|why| format!("item {}: {why}", n + 1))?;
                }
            }
            Ok(Value::List(items))
        }));
        Ok(super::Recipe {
            reads,
            ..action.into()
        })
    },
};
