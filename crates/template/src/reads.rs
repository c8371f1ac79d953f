//! Which names a template needs, and which parts of an input it reads.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use crate::tree::{Args, Cmp, Const, Expr, Macro, Node, Stmt, Target};

/// Which parts below one name a template reads, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The name does not occur.
    Nothing,
    /// Only what is at or below these paths, and whatever stands on the way to them without being an object:
    /// `response.meta.next` and `response['meta']['next']` are `["meta", "next"]`. Sorted; none begins with another.
    Paths(Vec<Vec<CompactString>>),
    /// The name is used in a way that may read anything.
    Everything,
}

impl Reads {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, _) | (_, Self::Everything) => Self::Everything,
            (Self::Nothing, reads) | (reads, Self::Nothing) => reads,
            (Self::Paths(mut paths), Self::Paths(more)) => {
                paths.extend(more);
                paths.sort();
                // A path covers all that begin with it, and those stand right behind it.
                paths.dedup_by(|next, kept| next.starts_with(kept));
                Self::Paths(paths)
            }
        }
    }
}

/// What a body reads of each name that it does not set itself.
pub(crate) fn of_body(body: &[Stmt], strict: bool) -> BTreeMap<CompactString, Reads> {
    let mut walk = Walk {
        strict,
        reads: BTreeMap::new(),
        set: vec![BTreeSet::new()],
    };
    walk.body(body);
    walk.reads
}

/// The names that a body uses and does not set.
pub(crate) fn free_names(body: &[Stmt]) -> BTreeSet<CompactString> {
    of_body(body, false).into_keys().collect()
}

struct Walk<'t> {
    strict: bool,
    reads: BTreeMap<CompactString, Reads>,
    /// The names that are set, frame by frame.
    set: Vec<BTreeSet<&'t str>>,
}

impl<'t> Walk<'t> {
    fn declare(&mut self, name: &'t str) {
        if let Some(frame) = self.set.last_mut() {
            frame.insert(name);
        }
    }

    fn framed(&mut self, walk: impl FnOnce(&mut Self)) {
        self.set.push(BTreeSet::new());
        walk(self);
        self.set.pop();
    }

    fn body(&mut self, body: &'t [Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'t Stmt) {
        match statement {
            Stmt::Data(_) => {}
            Stmt::Print(expr) => self.expr(expr),
            Stmt::If(branches, otherwise) => {
                for (test, body) in branches {
                    self.expr(test);
                    self.body(body);
                }
                self.body(otherwise);
            }
            Stmt::For(node) => {
                self.expr(&node.over);
                self.framed(|walk| {
                    walk.target(&node.target);
                    walk.exprs(node.only_if.as_ref());
                    walk.declare("loop");
                    walk.body(&node.body);
                });
                self.framed(|walk| walk.body(&node.otherwise));
            }
            Stmt::Set(target, expr) => {
                self.expr(expr);
                self.target(target);
            }
            Stmt::SetBlock(target, filter, body) => {
                self.exprs(filter.as_ref());
                self.framed(|walk| walk.body(body));
                self.target(target);
            }
            Stmt::With(sets, body) => {
                for (_, expr) in sets {
                    self.expr(expr);
                }
                self.framed(|walk| {
                    for (target, _) in sets {
                        walk.target(target);
                    }
                    walk.body(body);
                });
            }
            Stmt::Macro(node) => {
                self.declare(&node.name);
                self.routine(node);
            }
            Stmt::CallBlock(call, caller) => {
                self.expr(call);
                self.routine(caller);
            }
            Stmt::FilterBlock(filter, body) => {
                self.expr(filter);
                self.framed(|walk| walk.body(body));
            }
            Stmt::Block(body) => self.framed(|walk| walk.body(body)),
            Stmt::Autoescape(on, body) => {
                self.expr(on);
                self.framed(|walk| walk.body(body));
            }
        }
    }

    fn routine(&mut self, node: &'t Macro) {
        self.framed(|walk| {
            for arg in &node.args {
                walk.declare(arg);
            }
            for default in &node.defaults {
                walk.expr(default);
            }
            for name in ["varargs", "kwargs", "caller"] {
                walk.declare(name);
            }
            walk.body(&node.body);
        });
    }

    fn target(&mut self, target: &'t Target) {
        match target {
            Target::Name(name) => self.declare(name),
            Target::Tuple(_, targets) => {
                for target in targets {
                    self.target(target);
                }
            }
            Target::Member(_, name, _) => self.note(name, Vec::new()),
        }
    }

    /// A name is used, and below it this path.
    fn note(&mut self, name: &str, path: Vec<CompactString>) {
        if self.set.iter().any(|frame| frame.contains(name))
            || crate::functions::find(name, self.strict).is_some()
        {
            return;
        }
        let new = if path.is_empty() {
            Reads::Everything
        } else {
            Reads::Paths(vec![path])
        };
        let known = self.reads.remove(name).unwrap_or(Reads::Nothing);
        self.reads.insert(name.into(), known.and(new));
    }

    fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn args(&mut self, args: &Args) {
        self.exprs(&args.by_place);
        self.exprs(args.by_name.iter().map(|(_, value)| value));
        self.exprs(args.spread.as_deref());
        self.exprs(args.spread_names.as_deref());
    }

    fn expr(&mut self, expr: &Expr) {
        if let Some((name, path)) = self.path(expr) {
            self.note(name, path);
            return;
        }
        match &expr.node {
            Node::Const(_) | Node::Name(_) => {}
            Node::List(items) | Node::Tuple(items) | Node::Concat(items) => self.exprs(items),
            Node::Dict(items) => self.exprs(items.iter().flat_map(|(key, value)| [key, value])),
            Node::Attr(of, _) => self.expr(of),
            Node::Item(of, key) => self.exprs([&**of, &**key]),
            Node::Slice(of, parts) => {
                self.expr(of);
                self.exprs(parts.iter().flatten());
            }
            Node::Call(callee, args) => {
                self.expr(callee);
                self.args(args);
            }
            Node::Filter(input, filter) => {
                self.exprs(input.as_deref());
                self.args(&filter.args);
            }
            Node::Test(of, test) => {
                self.expr(of);
                self.args(&test.args);
            }
            Node::Not(inner) | Node::Neg(inner) | Node::Pos(inner) => self.expr(inner),
            Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
                self.exprs([&**left, &**right]);
            }
            Node::Compare(first, rest) => {
                // `'next' in response` asks for one member only.
                if let (Node::Const(Const::Text(name)), [(Cmp::In | Cmp::NotIn, of)]) =
                    (&first.node, rest.as_slice())
                    && let Some((root, mut path)) = self.path(of)
                {
                    path.push((&**name).into());
                    self.note(root, path);
                    return;
                }
                self.expr(first);
                self.exprs(rest.iter().map(|(_, right)| right));
            }
            Node::If(parts) => {
                let (test, then, otherwise) = &**parts;
                self.exprs([test, then]);
                self.exprs(otherwise);
            }
        }
    }

    /// The name that an expression begins with and the members that it certainly goes through; what its brackets
    /// and calls read is noted on the way. None where it does not begin with a name.
    fn path<'e>(&mut self, expr: &'e Expr) -> Option<(&'e str, Vec<CompactString>)> {
        self.certain_path(expr).map(|(name, path, _)| (name, path))
    }

    /// The path, and whether it may go on: behind an index, a slice or a call it ends.
    fn certain_path<'e>(&mut self, expr: &'e Expr) -> Option<(&'e str, Vec<CompactString>, bool)> {
        let (name, mut path, open) = match &expr.node {
            Node::Name(name) => return Some((name, Vec::new(), true)),
            Node::Attr(of, _) | Node::Item(of, _) | Node::Slice(of, _) => self.certain_path(of)?,
            Node::Call(callee, args) => {
                let Node::Attr(of, method) = &callee.node else {
                    return None;
                };
                let (name, mut path, open) = self.certain_path(of)?;
                let mut rest = args.by_place.as_slice();
                if let ("get", [first, others @ ..]) = (&**method, rest)
                    && let Node::Const(Const::Text(key)) = &first.node
                    && open
                {
                    path.push((&**key).into());
                    rest = others;
                    self.exprs(rest);
                    self.exprs(args.by_name.iter().map(|(_, value)| value));
                    return Some((name, path, true));
                }
                self.args(args);
                return Some((name, path, false));
            }
            _ => return None,
        };
        match &expr.node {
            Node::Attr(_, step) if open => {
                let is_method = !self.strict && crate::methods::is_dict_method(step);
                if is_method {
                    return Some((name, path, false));
                }
                path.push((&**step).into());
                Some((name, path, true))
            }
            Node::Item(_, key) => match &key.node {
                Node::Const(Const::Text(step)) if open => {
                    path.push((&**step).into());
                    Some((name, path, true))
                }
                Node::Const(_) => Some((name, path, false)),
                _ => {
                    self.expr(key);
                    Some((name, path, false))
                }
            },
            Node::Slice(_, parts) => {
                self.exprs(parts.iter().flatten());
                Some((name, path, false))
            }
            _ => Some((name, path, false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&[&str]]) -> Reads {
        Reads::Paths(
            paths
                .iter()
                .map(|path| path.iter().map(|step| (*step).into()).collect())
                .collect(),
        )
    }

    #[test]
    fn a_path_covers_what_is_below_it() {
        let both = paths(&[&["a", "b"], &["c"]]).and(paths(&[&["a"], &["c", "d"]]));
        assert_eq!(both, paths(&[&["a"], &["c"]]));
        assert_eq!(both.clone().and(Reads::Nothing), both);
        assert_eq!(both.and(Reads::Everything), Reads::Everything);
    }

    fn check(template: &str, expected: &Reads) {
        let template = crate::Template::compile(template).unwrap();
        assert_eq!(&template.reads("response"), expected, "{template:?}");
    }

    #[test]
    fn the_parts_that_a_template_reads_are_known() {
        check("{{ response.meta.next }}", &paths(&[&["meta", "next"]]));
        check(
            "{{ response['meta']['next'] }}",
            &paths(&[&["meta", "next"]]),
        );
        check(
            "{{ response.get('meta', {}).get('next') }}",
            &paths(&[&["meta", "next"]]),
        );
        check("{{ response.data[-1].id }}", &paths(&[&["data"]]));
        check(
            "{{ response.data[response.n] }}",
            &paths(&[&["data"], &["n"]]),
        );
        check("{{ response.name.upper() }}", &paths(&[&["name"]]));
        check("{{ response.next[:3] | upper }}", &paths(&[&["next"]]));
        check("{{ 'next' in response }}", &paths(&[&["next"]]));
        check(
            "{{ response.a if response.b.c else config.d }}",
            &paths(&[&["a"], &["b", "c"]]),
        );
        check("{% set x = response.a %}{{ x.b }}", &paths(&[&["a"]]));
        check(
            "{% for response in config %}{{ response.a }}{% endfor %}",
            &Reads::Nothing,
        );
        check("{{ response }}", &Reads::Everything);
        check("{{ response.items() }}", &Reads::Everything);
        check("{{ response | length }}", &Reads::Everything);
        check("{{ response[config.key] }}", &Reads::Everything);
        check("{{ config.response }}", &Reads::Nothing);
        check("plain response", &Reads::Nothing);
    }

    #[test]
    fn the_names_that_a_template_needs_are_known() {
        fn check(template: &str, expected: &[&str]) {
            let template = crate::Template::compile(template).unwrap();
            assert_eq!(template.names(), expected, "{template:?}");
        }
        check("{{ a.b + c['d'] | default(e) }}", &["a", "c", "e"]);
        check("{{ now_utc() }}{{ max(a, 1) }}", &["a"]);
        check("{% set x = a %}{{ x }}{{ y }}", &["a", "y"]);
        check(
            "{% for i in a %}{{ i }}{{ loop.index }}{% endfor %}{{ i }}",
            &["a", "i"],
        );
        check(
            "{% macro m(x, y=z) %}{{ x }}{{ varargs }}{% endmacro %}{{ m(1) }}",
            &["z"],
        );
        check("{% with a = b %}{{ a }}{% endwith %}", &["b"]);
        check("{{ stream_interval.start_time }}", &["stream_slice"]);
        check("plain", &[]);
    }
}
