//! Evaluates expressions.

use std::rc::Rc;

use super::{Given, Machine};
use crate::error::{Fallible, Fault, FaultKind};
use crate::filters::Filter;
use crate::tree::{Cmp, Const, Expr, Named, Node};
use crate::value::dict::{Dict, Key};
use crate::value::number::{Num, negate};
use crate::value::{Missing, Text, Val, compare, print};

impl<'r> Machine<'r> {
    /// The value of an expression.
    pub(crate) fn expr(&self, expr: &'r Expr) -> Fallible<Val<'r>> {
        match &expr.node {
            Node::Const(constant) => Ok(constant_value(constant)),
            Node::Name(name) => Ok(self.with_path(self.name(name), expr)),
            Node::Attr(of, name) => self.attr_expr(expr, of, name),
            Node::Item(of, key) => self.item_expr(expr, of, key),
            _ => self
                .deeper(|m| {
                    m.step()?;
                    m.composed(expr)
                })
                .map_err(|fault| fault.at(expr.at)),
        }
    }

    fn attr_expr(&self, expr: &'r Expr, of: &'r Expr, name: &'r str) -> Fallible<Val<'r>> {
        self.step()?;
        let value = self.deeper(|m| m.expr(of))?;
        let found = self
            .attribute(&value, name)
            .map_err(|fault| blamed(fault, of).at(expr.at))?;
        Ok(self.with_path(found, expr))
    }

    fn item_expr(&self, expr: &'r Expr, of: &'r Expr, key: &'r Expr) -> Fallible<Val<'r>> {
        self.step()?;
        let value = self.deeper(|m| m.expr(of))?;
        let found = match &key.node {
            Node::Const(Const::Text(name)) => self.subscript_text(&value, name),
            _ => {
                let key = self.deeper(|m| m.expr(key))?;
                self.subscript(&value, &key)
            }
        };
        let found = found.map_err(|fault| match value {
            Val::Undefined(_) => blamed(fault, of).at(expr.at),
            _ => fault.at(expr.at),
        })?;
        Ok(self.with_path(found, expr))
    }

    /// In a strict template, what is not there knows how the template writes it.
    #[inline]
    pub(super) fn with_path(&self, value: Val<'r>, expr: &'r Expr) -> Val<'r> {
        if self.strict {
            written_as(value, expr)
        } else {
            value
        }
    }

    #[inline(never)]
    fn composed(&self, expr: &'r Expr) -> Fallible<Val<'r>> {
        match &expr.node {
            Node::Const(_) | Node::Name(_) | Node::Attr(..) | Node::Item(..) => self.expr(expr),
            Node::List(items) => Ok(Val::list(self.all(items)?)),
            Node::Tuple(items) => Ok(Val::tuple(self.all(items)?)),
            Node::Dict(items) => self.dict(items),
            Node::Slice(of, parts) => {
                let value = self.expr(of)?;
                let mut bounds = [const { None }; 3];
                for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                    if let Some(part) = part {
                        *bound = Some(self.expr(part)?);
                    }
                }
                self.slice(&value, bounds)
            }
            Node::Call(callee, args) => self.call_expr(callee, args),
            Node::Filter(input, filter) => {
                let input = match input {
                    Some(input) => self.expr(input)?,
                    None => Val::borrowed(""),
                };
                self.filtered(input, filter)
            }
            Node::Test(of, test) => {
                let value = self.expr(of)?;
                let Some(check) = test.run else {
                    return Err(Fault::failed(format!(
                        "No test named {:?} found.",
                        test.name
                    )));
                };
                let given = self.given(&test.args)?;
                check(self, &value, given).map(Val::Bool)
            }
            Node::Not(inner) => {
                let value = self.expr(inner)?;
                Ok(Val::Bool(!self.is_true(&value)?))
            }
            Node::Neg(inner) => self.sign(&self.expr(inner)?, true),
            Node::Pos(inner) => self.sign(&self.expr(inner)?, false),
            Node::Binary(op, left, right) => {
                let left_value = self.expr(left)?;
                let right_value = self.expr(right)?;
                let missing = if left_value.is_undefined() {
                    left
                } else {
                    right
                };
                self.binary(*op, left_value, right_value)
                    .map_err(|fault| blamed(fault, missing))
            }
            Node::Concat(parts) => self.concat(parts),
            Node::And(left, right) => {
                let value = self.expr(left)?;
                if self.is_true(&value)? {
                    self.expr(right)
                } else {
                    Ok(value)
                }
            }
            Node::Or(left, right) => {
                let value = self.expr(left)?;
                if self.is_true(&value)? {
                    Ok(value)
                } else {
                    self.expr(right)
                }
            }
            Node::Compare(first, rest) => self.comparison(first, rest),
            Node::If(parts) => {
                let (test, then, otherwise) = &**parts;
                let test = self.expr(test)?;
                if self.is_true(&test)? {
                    self.expr(then)
                } else if let Some(otherwise) = otherwise {
                    self.expr(otherwise)
                } else {
                    Ok(self.missing(
                        FaultKind::Undefined,
                        "the inline if-expression evaluated to false and no else section was defined"
                            .to_owned(),
                    ))
                }
            }
        }
    }

    fn all(&self, items: &'r [Expr]) -> Fallible<Vec<Val<'r>>> {
        items.iter().map(|item| self.expr(item)).collect()
    }

    fn dict(&self, items: &'r [(Expr, Expr)]) -> Fallible<Val<'r>> {
        let mut dict = Dict::with_capacity(items.len());
        let mut unhashable = None;
        for (key, value) in items {
            let key = self.key(self.expr(key)?);
            let value = self.expr(value)?;
            // All members are computed before a key is looked at.
            match key {
                Ok(key) => dict.set(key, value),
                Err(fault) => unhashable = unhashable.or(Some(fault)),
            }
        }
        unhashable.map_or_else(|| Ok(Val::dict(dict)), Err)
    }

    /// A value as the key of a dict.
    pub(crate) fn key(&self, value: Val<'r>) -> Fallible<Key<'r>> {
        let type_name = value.type_name();
        Key::new(value).ok_or_else(|| Fault::wrong_type(format!("unhashable type: '{type_name}'")))
    }

    fn concat(&self, parts: &'r [Expr]) -> Fallible<Val<'r>> {
        let mut out = String::new();
        let mut safe = false;
        let mut values = Vec::new();
        for part in parts {
            let value = self.expr(part)?;
            if self.strict
                && let Val::Undefined(missing) = &value
            {
                return Err(self.undefined_fault(missing).at(part.at));
            }
            safe |= matches!(value, Val::Markup(_));
            values.push(value);
        }
        if self.autoescape.get() && safe {
            for value in &values {
                crate::filters::markup::write_escaped(self, &mut out, value)?;
            }
            return Ok(Val::Markup(out.into()));
        }
        for value in &values {
            if self.strict && matches!(value, Val::None) {
                continue;
            }
            print::write_str(self, &mut out, value)?;
        }
        Ok(Val::Text(Text::Owned(out.into())))
    }

    /// Applies a filter to what stands before it.
    pub(super) fn filtered(&self, input: Val<'r>, filter: &'r Named<Filter>) -> Fallible<Val<'r>> {
        let Some(run) = filter.run else {
            return Err(Fault::failed(format!(
                "No filter named {:?} found.",
                filter.name
            )));
        };
        let given = self.given(&filter.args)?;
        self.apply(run, &filter.name, input, given)
    }

    /// Applies a filter.
    pub(crate) fn apply(
        &self,
        filter: Filter,
        name: &str,
        input: Val<'r>,
        given: Given<'r>,
    ) -> Fallible<Val<'r>> {
        if self.strict
            && !matches!(name, "default" | "d")
            && let Val::Undefined(missing) = &input
        {
            return Err(self.undefined_fault(missing));
        }
        self.step()?;
        filter(self, input, given)
    }

    fn comparison(&self, first: &'r Expr, rest: &'r [(Cmp, Expr)]) -> Fallible<Val<'r>> {
        let mut left = self.expr(first)?;
        for (operator, right) in rest {
            if rest.len() == 1
                && let (Cmp::In | Cmp::NotIn, Node::List(items) | Node::Tuple(items)) =
                    (operator, &right.node)
            {
                // `x in ['a', 'b']`: no list is made for it.
                let mut found = false;
                for item in items {
                    let item = self.expr(item)?;
                    found = found || compare::equal(self, &item, &left)?;
                }
                return Ok(Val::Bool(found == (*operator == Cmp::In)));
            }
            let right = self.expr(right)?;
            if !self.compared(*operator, &left, &right)? {
                return Ok(Val::Bool(false));
            }
            left = right;
        }
        Ok(Val::Bool(true))
    }

    /// `left <operator> right`
    pub(crate) fn compared(
        &self,
        operator: Cmp,
        left: &Val<'r>,
        right: &Val<'r>,
    ) -> Fallible<bool> {
        match operator {
            Cmp::Eq => compare::equal(self, left, right),
            Cmp::Ne => Ok(!compare::equal(self, left, right)?),
            Cmp::In => self.is_in(left, right),
            Cmp::NotIn => Ok(!self.is_in(left, right)?),
            Cmp::Lt | Cmp::Le | Cmp::Gt | Cmp::Ge => compare::ordered(self, operator, left, right),
        }
    }

    fn sign(&self, value: &Val<'r>, negative: bool) -> Fallible<Val<'r>> {
        if let Val::Undefined(missing) = value {
            return Err(self.undefined_fault(missing));
        }
        if let Val::Amount(decimal) = value
            && negative
        {
            let digits = decimal.as_str();
            let negated = match digits.strip_prefix('-') {
                Some(positive) => positive.to_owned(),
                None => format!("-{digits}"),
            };
            if let Some(negated) = model::number::Decimal::parse(&negated) {
                return Ok(self.owned(model::value::Value::Decimal(negated)));
            }
        }
        match (Num::of(value), value, negative) {
            (Some(_), Val::Amount(_), false) => Ok(value.clone()),
            (Some(number), _, true) => Ok(negate(number)),
            (Some(number), _, false) => Ok(number.val()),
            (None, Val::Span(span), true) => {
                crate::dates::Span::micros(-span.as_micros()).map(|span| Val::Span(Rc::new(span)))
            }
            (None, Val::Span(_), false) => Ok(value.clone()),
            (None, Val::Period(period), true) => Ok(Val::Period(Rc::new(period.times(-1)?))),
            _ => Err(Fault::wrong_type(format!(
                "bad operand type for unary {}: '{}'",
                if negative { '-' } else { '+' },
                value.type_name()
            ))),
        }
    }
}

pub(super) fn constant_value(constant: &Const) -> Val<'_> {
    match constant {
        Const::None => Val::None,
        Const::Bool(flag) => Val::Bool(*flag),
        Const::Int(n) => Val::Int(*n),
        Const::Big(n) => Val::big(n.clone()),
        Const::Float(float) => Val::Float(*float),
        Const::Text(text) => Val::borrowed(text),
    }
}

/// The error of using what is not there, in words of the template.
#[cold]
pub(super) fn blamed(mut fault: Box<Fault>, missing: &Expr) -> Box<Fault> {
    if fault.kind == FaultKind::Undefined
        && fault.missing.is_none()
        && fault.at.is_none()
        && let Some(path) = path_text(missing)
    {
        fault.message = format!("`{path}` is not there");
        fault.missing = Some(path);
    }
    fault
}

/// What is not there, with the way the template writes it.
fn written_as<'r>(value: Val<'r>, expr: &Expr) -> Val<'r> {
    match value {
        Val::Undefined(missing) if missing.path.is_none() => Val::Undefined(Rc::new(Missing {
            kind: missing.kind,
            message: missing.message.clone(),
            path: path_text(expr),
        })),
        value => value,
    }
}

/// A path as the template writes it: `record.a['b c']`.
fn path_text(expr: &Expr) -> Option<String> {
    let (of, step) = match &expr.node {
        Node::Name(name) => return Some(name.to_string()),
        Node::Attr(of, name) => (of, format!(".{name}")),
        Node::Item(of, key) => (
            of,
            match &key.node {
                Node::Const(Const::Text(name)) => {
                    let plain = name.starts_with(|c: char| c == '_' || c.is_alphabetic())
                        && name.chars().all(|c| c == '_' || c.is_alphanumeric());
                    if plain {
                        format!(".{name}")
                    } else {
                        format!("['{name}']")
                    }
                }
                Node::Const(Const::Int(n)) => format!("[{n}]"),
                _ => return None,
            },
        ),
        _ => return None,
    };
    Some(path_text(of)? + &step)
}
