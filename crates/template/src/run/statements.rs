//! Runs statements.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{Given, Machine};
use crate::error::{Fallible, Fault, FaultKind};
use crate::tree::{For, Macro, Stmt, Target};
use crate::value::dict::Dict;
use crate::value::{Text, Thing, Val, print};

/// `loop`, as the body of a `for` sees it.
#[derive(Debug)]
pub(crate) struct Loop<'r> {
    node: &'r For,
    /// The frame around the loop.
    frame: usize,
    items: Vec<Val<'r>>,
    at: Cell<usize>,
    depth0: usize,
    changed: RefCell<Option<Vec<Val<'r>>>>,
}

impl<'r> Loop<'r> {
    pub(crate) fn index0(&self) -> usize {
        self.at.get()
    }

    pub(crate) fn length(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn release(&mut self, waiting: &mut Vec<Val<'r>>) {
        waiting.append(&mut self.items);
        if let Some(values) = self.changed.get_mut() {
            waiting.append(values);
        }
    }

    /// `loop.name`
    pub(crate) fn attribute(&self, m: &Machine<'r>, name: &str) -> Option<Val<'r>> {
        let at = self.at.get();
        let beside = |at: Option<usize>, what: &str| {
            at.and_then(|at| self.items.get(at))
                .cloned()
                .unwrap_or_else(|| {
                    m.missing(FaultKind::Undefined, format!("there is no {what} item"))
                })
        };
        Some(match name {
            "index" => Val::count(at + 1),
            "index0" => Val::count(at),
            "revindex" => Val::count(self.items.len() - at),
            "revindex0" => Val::count(self.items.len().saturating_sub(at + 1)),
            "first" => Val::Bool(at == 0),
            "last" => Val::Bool(at + 1 == self.items.len()),
            "length" => Val::count(self.items.len()),
            "depth" => Val::count(self.depth0 + 1),
            "depth0" => Val::count(self.depth0),
            "previtem" => beside(at.checked_sub(1), "previous"),
            "nextitem" => beside(Some(at + 1), "next"),
            _ => return None,
        })
    }

    /// `loop.cycle(…)`
    pub(crate) fn cycle(&self, given: Given<'r>) -> Fallible<Val<'r>> {
        let values = given.by_place;
        if values.is_empty() {
            return Err(Fault::wrong_type("no items for cycling given"));
        }
        Ok(values
            .get(self.at.get() % values.len())
            .cloned()
            .unwrap_or(Val::None))
    }

    /// `loop.changed(…)`
    pub(crate) fn changed(&self, m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
        let values = given.by_place.into_vec();
        let before = self.changed.borrow().clone();
        if let Some(before) = before
            && crate::value::compare::equal(m, &Val::tuple(before), &Val::tuple(values.clone()))?
        {
            return Ok(Val::Bool(false));
        }
        *self.changed.borrow_mut() = Some(values);
        Ok(Val::Bool(true))
    }
}

impl<'r> Machine<'r> {
    /// Runs the statements of a body.
    pub(crate) fn body(&self, body: &'r [Stmt], out: &mut String) -> Fallible<()> {
        for statement in body {
            self.statement(statement, out)?;
        }
        Ok(())
    }

    fn statement(&self, statement: &'r Stmt, out: &mut String) -> Fallible<()> {
        self.step()?;
        match statement {
            Stmt::Data(text) => self.append(out, text),
            Stmt::Print(expr) => {
                let value = self.expr(expr)?;
                self.print(out, &value).map_err(|fault| fault.at(expr.at))
            }
            Stmt::If(branches, otherwise) => {
                for (test, body) in branches {
                    let test = self.expr(test)?;
                    if self.is_true(&test)? {
                        return self.deeper(|m| m.body(body, out));
                    }
                }
                self.deeper(|m| m.body(otherwise, out))
            }
            Stmt::For(node) => {
                let items = self.expr(&node.over)?;
                let frame = self.current_frame();
                self.run_loop(node, frame, &items, 0, out)
                    .map_err(|fault| fault.at(node.at))
            }
            Stmt::Set(target, expr) => {
                let value = self.expr(expr)?;
                self.assign(target, value)
            }
            Stmt::SetBlock(target, filter, body) => {
                let mut text = String::new();
                self.framed(None, |m| m.body(body, &mut text))?;
                let text = self.made_text(text);
                let value = match filter {
                    Some(filter) => self.filter_chain(filter, text)?,
                    None => text,
                };
                self.assign(target, value)
            }
            Stmt::With(sets, body) => {
                let mut values = Vec::with_capacity(sets.len());
                for (target, expr) in sets {
                    values.push((target, self.expr(expr)?));
                }
                self.framed(None, |m| {
                    for (target, value) in values {
                        m.assign(target, value)?;
                    }
                    m.body(body, out)
                })
            }
            Stmt::Macro(node) => {
                let frame = self.current_frame();
                self.set_name(&node.name, Val::object(Thing::Macro(node, frame)));
                Ok(())
            }
            Stmt::CallBlock(call, caller) => {
                let frame = self.current_frame();
                let caller = Val::object(Thing::Macro(caller, frame));
                let value = self.deeper(|m| m.call_with_caller(call, caller))?;
                self.print(out, &value)
            }
            Stmt::FilterBlock(filter, body) => {
                let mut text = String::new();
                self.framed(None, |m| m.body(body, &mut text))?;
                let text = self.made_text(text);
                let value = self.filter_chain(filter, text)?;
                self.print(out, &value)
            }
            Stmt::Block(body) => self.framed(None, |m| m.body(body, out)),
            Stmt::Autoescape(on, body) => {
                let on = self.expr(on)?;
                let before = self.autoescape.replace(self.is_true(&on)?);
                let done = self.framed(None, |m| m.body(body, out));
                self.autoescape.set(before);
                done
            }
        }
    }

    fn current_frame(&self) -> usize {
        self.frame.get()
    }

    fn made_text(&self, text: String) -> Val<'r> {
        if self.autoescape.get() {
            Val::Markup(text.into())
        } else {
            Val::text(text)
        }
    }

    /// Prints a value into the text.
    pub(crate) fn print(&self, out: &mut String, value: &Val<'r>) -> Fallible<()> {
        if self.autoescape.get() {
            return crate::filters::markup::write_escaped(self, out, value);
        }
        self.print_plain(out, value)
    }

    /// As [`Machine::print`], but never escaped. In strict templates null is nothing, not the word "None".
    pub(crate) fn print_plain(&self, out: &mut String, value: &Val<'r>) -> Fallible<()> {
        match value {
            Val::Undefined(missing) if self.strict => Err(self.undefined_fault(missing)),
            Val::None if self.strict => Ok(()),
            _ => print::write_str(self, out, value),
        }
    }

    /// A chain of filters whose innermost has no input of its own.
    fn filter_chain(&self, filter: &'r crate::tree::Expr, input: Val<'r>) -> Fallible<Val<'r>> {
        let crate::tree::Node::Filter(inner, named) = &filter.node else {
            return Ok(input);
        };
        let input = match inner {
            Some(inner) => self.deeper(|m| m.filter_chain(inner, input))?,
            None => input,
        };
        self.filtered(input, named)
            .map_err(|fault| fault.at(filter.at))
    }

    fn call_with_caller(&self, call: &'r crate::tree::Expr, caller: Val<'r>) -> Fallible<Val<'r>> {
        let crate::tree::Node::Call(callee, args) = &call.node else {
            return Ok(Val::None);
        };
        let callee = self.expr(callee)?;
        let mut given = self.given(args)?;
        given.by_name.push((Text::Borrowed("caller"), caller));
        self.call(&callee, given).map_err(|fault| fault.at(call.at))
    }

    fn assign(&self, target: &'r Target, value: Val<'r>) -> Fallible<()> {
        match target {
            Target::Name(name) => {
                self.set_name(name, value);
                Ok(())
            }
            Target::Tuple(at, targets) => {
                let values = self.collect(&value).map_err(|mut fault| {
                    if fault.kind == FaultKind::Type {
                        fault.message =
                            format!("cannot unpack non-iterable {} object", value.type_name());
                    }
                    fault.at(*at)
                })?;
                if values.len() != targets.len() {
                    return Err(Fault::value(format!(
                        "{} values to unpack, expected {}",
                        values.len(),
                        targets.len()
                    ))
                    .at(*at));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value)?;
                }
                Ok(())
            }
            Target::Member(at, name, member) => {
                let namespace = self.name(name);
                if let Val::Object(thing) = &namespace
                    && let Thing::Namespace(members) = &**thing
                {
                    members.borrow_mut().set_text(member, value);
                    self.note_change(&namespace);
                    return Ok(());
                }
                Err(Fault::failed("cannot assign attribute on non-namespace object").at(*at))
            }
        }
    }

    fn run_loop(
        &self,
        node: &'r For,
        frame: usize,
        over: &Val<'r>,
        depth0: usize,
        out: &mut String,
    ) -> Fallible<()> {
        let mut items = Vec::new();
        let mut iter = self.iter(over)?;
        while let Some(item) = iter.next(self)? {
            if let Some(test) = &node.only_if {
                let keep = self.framed(Some(frame), |m| {
                    m.assign(&node.target, item.clone())?;
                    let test = m.expr(test)?;
                    m.is_true(&test)
                })?;
                if !keep {
                    continue;
                }
            }
            items.push(item);
        }
        if items.is_empty() {
            return self.framed(Some(frame), |m| m.body(&node.otherwise, out));
        }
        let each = Rc::new(Thing::Loop(Box::new(Loop {
            node,
            frame,
            items: items.clone(),
            at: Cell::new(0),
            depth0,
            changed: RefCell::new(None),
        })));
        for (at, item) in items.into_iter().enumerate() {
            if let Thing::Loop(each) = &*each {
                each.at.set(at);
            }
            self.framed(Some(frame), |m| {
                m.set_name("loop", Val::Object(each.clone()));
                m.assign(&node.target, item)?;
                m.body(&node.body, out)
            })?;
        }
        Ok(())
    }

    /// `loop(items)` in a recursive loop.
    pub(super) fn recurse(&self, each: &Loop<'r>, items: &Val<'r>) -> Fallible<Val<'r>> {
        if !each.node.recursive {
            return Err(Fault::wrong_type(
                "The loop must have the 'recursive' marker to be called recursively.",
            ));
        }
        let mut out = String::new();
        self.run_loop(each.node, each.frame, items, each.depth0 + 1, &mut out)?;
        Ok(self.made_text(out))
    }

    /// `name(…)` of a macro.
    pub(super) fn call_macro(
        &self,
        node: &'r Macro,
        frame: usize,
        mut given: Given<'r>,
    ) -> Fallible<Val<'r>> {
        let name = &node.name;
        let [uses_varargs, uses_kwargs, uses_caller] = node.uses;
        let mut by_place = std::mem::take(&mut given.by_place).into_iter();
        let mut values: Vec<Option<Val<'r>>> =
            by_place.by_ref().take(node.args.len()).map(Some).collect();
        let mut take = |name: &str| {
            let place = given
                .by_name
                .iter()
                .position(|(known, _)| &**known == name)?;
            Some(given.by_name.remove(place).1)
        };
        for arg in node.args.iter().skip(values.len()) {
            values.push(take(arg));
        }
        let mut extra: Vec<(&'r str, Val<'r>)> = Vec::new();
        if uses_caller {
            let caller = take("caller").unwrap_or_else(|| {
                self.missing(FaultKind::Undefined, "No caller defined".to_owned())
            });
            extra.push(("caller", caller));
        }
        if uses_kwargs {
            let mut kwargs = Dict::default();
            for (name, value) in given.by_name {
                kwargs.set_text(&name, value);
            }
            extra.push(("kwargs", Val::dict(kwargs)));
        } else if let Some((unknown, _)) = given.by_name.first() {
            return Err(Fault::wrong_type(format!(
                "macro '{name}' takes no keyword argument '{}'",
                &**unknown
            )));
        }
        if uses_varargs {
            extra.push(("varargs", Val::tuple(by_place.collect())));
        } else if by_place.next().is_some() {
            return Err(Fault::wrong_type(format!(
                "macro '{name}' takes not more than {} argument(s)",
                node.args.len()
            )));
        }
        let mut out = String::new();
        self.framed(Some(frame), |m| {
            let first_default = node.args.len().saturating_sub(node.defaults.len());
            for (n, (arg, value)) in node.args.iter().zip(values).enumerate() {
                let value = match (value, n.checked_sub(first_default)) {
                    (Some(value), _) => value,
                    (None, Some(default)) => match node.defaults.get(default) {
                        Some(default) => m.expr(default)?,
                        None => Val::None,
                    },
                    (None, None) => m.missing(
                        FaultKind::Undefined,
                        format!("parameter '{arg}' was not provided"),
                    ),
                };
                m.set_name(arg, value);
            }
            for (name, value) in extra {
                m.set_name(name, value);
            }
            m.body(&node.body, &mut out)
        })?;
        Ok(self.made_text(out))
    }
}
