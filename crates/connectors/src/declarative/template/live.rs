//! Our values as templates see them.

use std::sync::Arc;

use http::HeaderMap;
use minijinja::Value as Shown;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use model::value::Value;

/// A value that templates may look into; nothing is copied but what they touch.
pub fn live(root: &Arc<Value>) -> Shown {
    shown(root, &[])
}

/// A small value, copied.
pub fn plain(value: &Value) -> Shown {
    match value {
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Object(object) => {
            Shown::from_pairs(object.iter().map(|(name, member)| (name, plain(member))))
        }
        scalar => scalar_shown(scalar),
    }
}

fn scalar_shown(value: &Value) -> Shown {
    match value {
        Value::Null => Shown::from(()),
        Value::Bool(flag) => Shown::from(*flag),
        Value::Int(n) => Shown::from(*n),
        Value::UInt(n) => Shown::from(*n),
        Value::Decimal(decimal) => Shown::from(decimal.to_f64()),
        Value::Float(float) => Shown::from(*float),
        Value::Text(text) => Shown::from(text.as_str()),
        other => {
            let text = model::json::to_string(other);
            Shown::from(text.trim_matches('"'))
        }
    }
}

/// A part of a shared value, by the way to it.
#[derive(Debug)]
struct Part {
    root: Arc<Value>,
    way: Vec<usize>,
}

fn shown(root: &Arc<Value>, way: &[usize]) -> Shown {
    match follow(root, way) {
        Some(Value::List(_) | Value::Object(_)) => Shown::from_object(Part {
            root: root.clone(),
            way: way.to_vec(),
        }),
        Some(scalar) => scalar_shown(scalar),
        None => Shown::UNDEFINED,
    }
}

fn follow<'a>(root: &'a Value, way: &[usize]) -> Option<&'a Value> {
    way.iter().try_fold(root, |here, step| match here {
        Value::List(items) => items.get(*step),
        Value::Object(object) => object.iter().nth(*step).map(|(_, member)| member),
        _ => None,
    })
}

impl Part {
    fn here(&self) -> Option<&Value> {
        follow(&self.root, &self.way)
    }

    fn step(&self, step: usize) -> Shown {
        let mut way = self.way.clone();
        way.push(step);
        shown(&self.root, &way)
    }
}

impl Object for Part {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.here() {
            Some(Value::List(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Shown) -> Option<Shown> {
        match self.here()? {
            Value::List(items) => {
                let index = key.as_i64()?;
                // Python counts negative indexes from the end.
                let index = if index < 0 {
                    items.len().checked_sub(index.unsigned_abs() as usize)?
                } else {
                    usize::try_from(index).ok()?
                };
                (index < items.len()).then(|| self.step(index))
            }
            Value::Object(object) => {
                let name = key.as_str()?;
                let index = object.iter().position(|(known, _)| known == name)?;
                Some(self.step(index))
            }
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.here() {
            Some(Value::List(items)) => Enumerator::Seq(items.len()),
            Some(Value::Object(object)) => Enumerator::Iter(Box::new(
                object
                    .iter()
                    .map(|(name, _)| Shown::from(name))
                    .collect::<Vec<_>>()
                    .into_iter(),
            )),
            _ => Enumerator::Empty,
        }
    }
}

/// Response headers: names in any case, and `link` as a map of relations.
#[derive(Debug)]
struct Headers(HeaderMap);

/// Response headers as templates see them.
pub fn headers(headers: &HeaderMap) -> Shown {
    Shown::from_object(Headers(headers.clone()))
}

impl Object for Headers {
    fn get_value(self: &Arc<Self>, key: &Shown) -> Option<Shown> {
        let name = key.as_str()?;
        if name == "link" {
            return Some(links(&self.0));
        }
        let value = self.0.get(name)?;
        Some(Shown::from(
            String::from_utf8_lossy(value.as_bytes()).as_ref(),
        ))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(
            self.0
                .keys()
                .map(|name| Shown::from(name.as_str()))
                .collect::<Vec<_>>()
                .into_iter(),
        ))
    }
}

/// `Link` headers (RFC 8288) by relation: `{'next': {'url': …, 'rel': 'next'}}`.
fn links(headers: &HeaderMap) -> Shown {
    let mut found: Vec<(String, Shown)> = Vec::new();
    for value in headers.get_all(http::header::LINK) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let mut rest = text.as_ref();
        while let Some((_, after)) = rest.split_once('<') {
            let Some((url, after)) = after.split_once('>') else {
                break;
            };
            // Parameters go up to the comma before the next "<".
            let end = after.find(",").map_or(after.len(), |comma| {
                after.find('<').map_or(after.len(), |next| {
                    comma.max(
                        after
                            .get(..next)
                            .and_then(|p| p.rfind(','))
                            .unwrap_or(comma),
                    )
                })
            });
            let (parameters, next) = after.split_at(end.min(after.len()));
            let mut pairs = vec![("url".to_owned(), Shown::from(url.trim()))];
            let mut key = url.trim().to_owned();
            for parameter in parameters.split(';') {
                if let Some((name, value)) = parameter.split_once('=') {
                    let value = value.trim().trim_matches(['"', '\'', ' ']);
                    if name.trim().eq_ignore_ascii_case("rel") {
                        key = value.to_owned();
                    }
                    pairs.push((name.trim().to_lowercase(), Shown::from(value)));
                }
            }
            found.push((key, Shown::from_pairs(pairs)));
            rest = next;
        }
    }
    Shown::from_pairs(found)
}
