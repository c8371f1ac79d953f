//! Templates that are one path, `{{ record['a']['b'] }}`: the most frequent of all, and no machine is needed for them.

use std::borrow::Cow;

use compact_str::CompactString;
use model::value::Value;

use crate::tree::{Const, Expr, Node};
use crate::{Input, Scope};

/// A name and the members that are gone through.
#[derive(Debug)]
pub(crate) struct Path {
    root: CompactString,
    steps: Vec<CompactString>,
}

impl Path {
    /// The path that an expression is; none where it is anything else.
    pub(crate) fn of(expr: &Expr, strict: bool) -> Option<Self> {
        match &expr.node {
            Node::Name(name) if crate::functions::find(name, strict).is_none() => Some(Self {
                root: (&**name).into(),
                steps: Vec::new(),
            }),
            Node::Attr(of, name) => {
                // A method hides a member of its name where Python decides.
                let is_member = strict || !crate::methods::is_dict_method(name);
                is_member.then_some(())?;
                Self::of(of, strict)?.then(name)
            }
            Node::Item(of, key) => match &key.node {
                Node::Const(Const::Text(name)) => Self::of(of, strict)?.then(name),
                _ => None,
            },
            Node::Call(callee, args) => match (&callee.node, args.by_place.as_slice()) {
                (Node::Attr(of, get), [key, ..]) if &**get == "get" && !strict => match &key.node {
                    // Where the member is there, the default is not computed: it could only fail.
                    Node::Const(Const::Text(name)) if args.are_constant() => {
                        Self::of(of, strict)?.then(name)
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    fn then(mut self, name: &str) -> Option<Self> {
        if name.starts_with("__") {
            return None;
        }
        self.steps.push(name.into());
        Some(self)
    }

    /// What stands at the path; none where a step of it is not there.
    pub(crate) fn find<'s>(&self, scope: &'s Scope<'_>) -> Option<Cow<'s, Value>> {
        let mut steps = self.steps.iter();
        let mut here: &'s Value = match scope.get(&self.root)? {
            Input::Value(value) => value,
            Input::Owned(value) => value,
            Input::Members(members) => {
                let mut here = members.member(steps.next()?)?;
                for step in steps {
                    let Value::Object(mut object) = here else {
                        return None;
                    };
                    here = std::mem::take(object.get_mut(step)?);
                }
                return Some(Cow::Owned(here));
            }
        };
        for step in steps {
            here = here.as_object()?.get(step)?;
        }
        Some(Cow::Borrowed(here))
    }
}
