//! Expressions, loosest binding first.

use num_traits::ToPrimitive as _;

use super::{Parsed, Parser};
use crate::lex::Kind;
use crate::tree::{Args, Cmp, Const, Expr, Named, Node, Op};

/// `left <op> right`. The sign of a number binds looser than the power of something that is not known: the reference
/// writes both down for Python as they stand, once it has computed what is constant.
fn binary(op: Op, left: Expr, right: Expr) -> Node {
    let Expr { at, node } = left;
    match node {
        Node::Neg(number)
            if op == Op::Pow
                && matches!(
                    number.node,
                    Node::Const(Const::Int(_) | Const::Big(_) | Const::Float(_))
                )
                && !right.is_constant() =>
        {
            let power = Node::Binary(op, number, Box::new(right));
            Node::Neg(Box::new(Expr { at, node: power }))
        }
        node => Node::Binary(op, Box::new(Expr { at, node }), Box::new(right)),
    }
}

impl Parser<'_> {
    /// Expressions with commas between them are a tuple.
    pub(super) fn tuple(&mut self, conditional: bool, ends: &[&str]) -> Parsed<Expr> {
        let at = self.at();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if self.is_tuple_end(ends) {
                break;
            }
            items.push(if conditional {
                self.expression()?
            } else {
                self.nested(Self::either)?
            });
            if !self.skip_sign(",") {
                break;
            }
            is_tuple = true;
        }
        match (is_tuple, items.pop()) {
            (false, Some(only)) => Ok(only),
            (false, None) => self.fail("an expression"),
            (true, last) => {
                items.extend(last);
                Ok(Expr {
                    at,
                    node: Node::Tuple(items),
                })
            }
        }
    }

    fn is_tuple_end(&mut self, ends: &[&str]) -> bool {
        match &self.peek().kind {
            Kind::PrintEnd | Kind::BlockEnd | Kind::End => true,
            Kind::Sign(sign) => *sign == ")",
            Kind::Name(name) => ends.contains(&name.as_str()),
            _ => false,
        }
    }

    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.nested(Self::choice)
    }

    fn choice(&mut self) -> Parsed<Expr> {
        let at = self.at();
        let unknown = self.unknown.len();
        let mut value = self.either()?;
        while self.skip_name("if") {
            let test = self.either()?;
            let otherwise = if self.skip_name("else") {
                Some(self.nested(Self::choice)?)
            } else {
                None
            };
            self.unknown.truncate(unknown);
            value = Expr {
                at,
                node: Node::If(Box::new((test, value, otherwise))),
            };
        }
        Ok(value)
    }

    fn either(&mut self) -> Parsed<Expr> {
        let mut left = self.both()?;
        let mut depth = 0;
        while self.is_name("or") {
            let at = self.at();
            self.next();
            let right = self.both()?;
            left = self.joined(at, &mut depth, Node::Or(Box::new(left), Box::new(right)))?;
        }
        self.depth -= depth;
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Expr> {
        let mut left = self.negation()?;
        let mut depth = 0;
        while self.is_name("and") {
            let at = self.at();
            self.next();
            let right = self.negation()?;
            left = self.joined(at, &mut depth, Node::And(Box::new(left), Box::new(right)))?;
        }
        self.depth -= depth;
        Ok(left)
    }

    /// A chain of operators nests to the left: it may be long, but not without end.
    fn joined(&mut self, at: u32, depth: &mut usize, node: Node) -> Parsed<Expr> {
        *depth += 1;
        self.depth += 1;
        if self.depth > super::MAX_DEPTH {
            return self.fail_at(at, "this is nested too deep", "at most 96 levels");
        }
        Ok(Expr { at, node })
    }

    fn negation(&mut self) -> Parsed<Expr> {
        let at = self.at();
        if self.skip_name("not") {
            let inner = self.nested(Self::negation)?;
            return Ok(Expr {
                at,
                node: Node::Not(Box::new(inner)),
            });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let at = self.at();
        let first = self.sum()?;
        let mut rest = Vec::new();
        loop {
            let operator = match &self.peek().kind {
                Kind::Sign("==") => Cmp::Eq,
                Kind::Sign("!=") => Cmp::Ne,
                Kind::Sign("<") => Cmp::Lt,
                Kind::Sign("<=") => Cmp::Le,
                Kind::Sign(">") => Cmp::Gt,
                Kind::Sign(">=") => Cmp::Ge,
                Kind::Name(name) if name == "in" => Cmp::In,
                Kind::Name(name) if name == "not" => {
                    let not = self.next();
                    if !self.is_name("in") {
                        self.ahead.push(not);
                        break;
                    }
                    Cmp::NotIn
                }
                _ => break,
            };
            self.next();
            rest.push((operator, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expr {
            at,
            node: Node::Compare(Box::new(first), rest),
        })
    }

    fn chain(
        &mut self,
        operators: &[(&'static str, Op)],
        operand: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let mut left = operand(self)?;
        let mut depth = 0;
        while let Kind::Sign(sign) = self.peek().kind {
            let Some((_, op)) = operators.iter().find(|(known, _)| *known == sign) else {
                break;
            };
            let at = self.at();
            self.next();
            let right = operand(self)?;
            left = self.joined(at, &mut depth, binary(*op, left, right))?;
        }
        self.depth -= depth;
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.chain(&[("+", Op::Add), ("-", Op::Sub)], Self::concatenation)
    }

    fn concatenation(&mut self) -> Parsed<Expr> {
        let at = self.at();
        let first = self.product()?;
        if !self.is_sign("~") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_sign("~") {
            parts.push(self.product()?);
        }
        Ok(Expr {
            at,
            node: Node::Concat(parts),
        })
    }

    fn product(&mut self) -> Parsed<Expr> {
        const OPERATORS: [(&str, Op); 4] = [
            ("*", Op::Mul),
            ("/", Op::Div),
            ("//", Op::FloorDiv),
            ("%", Op::Mod),
        ];
        self.chain(&OPERATORS, Self::power)
    }

    fn power(&mut self) -> Parsed<Expr> {
        self.chain(&[("**", Op::Pow)], |parser| parser.unary(true))
    }

    fn unary(&mut self, with_filters: bool) -> Parsed<Expr> {
        let at = self.at();
        let node = if self.skip_sign("-") {
            let inner = self.nested(|parser| parser.unary(false))?;
            Expr {
                at,
                node: Node::Neg(Box::new(inner)),
            }
        } else if self.skip_sign("+") {
            let inner = self.nested(|parser| parser.unary(false))?;
            Expr {
                at,
                node: Node::Pos(Box::new(inner)),
            }
        } else {
            self.primary()?
        };
        let mut depth = 0;
        let node = self.postfix(node, &mut depth)?;
        let node = if with_filters {
            self.filters_and_tests(node, &mut depth)?
        } else {
            node
        };
        self.depth -= depth;
        Ok(node)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let at = self.at();
        let token = self.next();
        let node = match token.kind {
            Kind::Name(name) => match name.as_str() {
                "true" | "True" => Node::Const(Const::Bool(true)),
                "false" | "False" => Node::Const(Const::Bool(false)),
                "none" | "None" => Node::Const(Const::None),
                _ => Node::Name(self.own_name(name)),
            },
            Kind::Text(mut text) => {
                // Texts side by side are one.
                while let Kind::Text(more) = &self.peek().kind {
                    text.push_str(more);
                    self.next();
                }
                Node::Const(Const::Text(text.into()))
            }
            Kind::Int(n) => Node::Const(n.to_i64().map_or(Const::Big(n), Const::Int)),
            Kind::Float(float) => Node::Const(Const::Float(float)),
            Kind::Sign("(") => {
                if self.skip_sign(")") {
                    Node::Tuple(Vec::new())
                } else {
                    let inner = self.nested(|parser| parser.tuple(true, &[]))?;
                    self.sign(")")?;
                    inner.node
                }
            }
            Kind::Sign("[") => {
                let mut items = Vec::new();
                while !self.is_sign("]") {
                    if !items.is_empty() {
                        self.sign(",")?;
                        if self.is_sign("]") {
                            break;
                        }
                    }
                    items.push(self.expression()?);
                }
                self.sign("]")?;
                Node::List(items)
            }
            Kind::Sign("{") => {
                let mut items = Vec::new();
                while !self.is_sign("}") {
                    if !items.is_empty() {
                        self.sign(",")?;
                        if self.is_sign("}") {
                            break;
                        }
                    }
                    let key = self.expression()?;
                    self.sign(":")?;
                    items.push((key, self.expression()?));
                }
                self.sign("}")?;
                Node::Dict(items)
            }
            kind => {
                self.ahead.push(crate::lex::Token { at: token.at, kind });
                return self.fail("a name, a number, a text in quotes or a bracket");
            }
        };
        Ok(Expr { at, node })
    }

    fn postfix(&mut self, mut node: Expr, depth: &mut usize) -> Parsed<Expr> {
        loop {
            let at = self.at();
            let next = match self.peek().kind {
                Kind::Sign(".") => {
                    self.next();
                    let token = self.next();
                    match token.kind {
                        Kind::Name(name) => Node::Attr(Box::new(node), name.into()),
                        Kind::Int(n) => {
                            let index = n.to_i64().map_or(Const::Big(n), Const::Int);
                            let index = Expr {
                                at,
                                node: Node::Const(index),
                            };
                            Node::Item(Box::new(node), Box::new(index))
                        }
                        kind => {
                            self.ahead.push(crate::lex::Token { at: token.at, kind });
                            return self.fail("a name or a number");
                        }
                    }
                }
                Kind::Sign("[") => {
                    self.next();
                    let next = self.subscript(node)?;
                    self.sign("]")?;
                    next
                }
                Kind::Sign("(") => {
                    let args = self.args()?;
                    Node::Call(Box::new(node), args)
                }
                _ => return Ok(node),
            };
            node = self.joined(at, depth, next)?;
        }
    }

    fn subscript(&mut self, of: Expr) -> Parsed<Node> {
        let at = self.at();
        let mut parts: [Option<Expr>; 3] = [None, None, None];
        let mut is_slice = false;
        for part in &mut parts {
            if !self.is_sign(":") && !self.is_sign("]") {
                *part = Some(self.expression()?);
            }
            if !self.skip_sign(":") {
                break;
            }
            is_slice = true;
        }
        if is_slice {
            return Ok(Node::Slice(Box::new(of), Box::new(parts)));
        }
        let [first, ..] = parts;
        // `x[]` asks for the empty tuple, as in the reference.
        let Some(first) = first else {
            let empty = Node::Tuple(Vec::new());
            return Ok(Node::Item(Box::new(of), Box::new(Expr { at, node: empty })));
        };
        if !self.is_sign(",") {
            return Ok(Node::Item(Box::new(of), Box::new(first)));
        }
        let mut items = vec![first];
        while self.skip_sign(",") {
            items.push(self.expression()?);
        }
        let tuple = Node::Tuple(items);
        Ok(Node::Item(Box::new(of), Box::new(Expr { at, node: tuple })))
    }

    fn args(&mut self) -> Parsed<Args> {
        self.sign("(")?;
        let mut args = Args::default();
        let mut first = true;
        while !self.is_sign(")") {
            if !first {
                self.sign(",")?;
                if self.is_sign(")") {
                    break;
                }
            }
            first = false;
            let at = self.at();
            if self.skip_sign("*") {
                if args.spread.is_some() || args.spread_names.is_some() {
                    return self.fail_at(at, "this is the second `*`", "one at most");
                }
                args.spread = Some(Box::new(self.expression()?));
                continue;
            }
            if self.skip_sign("**") {
                if args.spread_names.is_some() {
                    return self.fail_at(at, "this is the second `**`", "one at most");
                }
                args.spread_names = Some(Box::new(self.expression()?));
                continue;
            }
            if let Kind::Name(name) = &self.peek().kind {
                let name = name.clone();
                let token = self.next();
                if self.is_sign("=") {
                    if args.spread_names.is_some() {
                        return self.fail_at(at, "`**` must come last", "`name=value` before it");
                    }
                    self.next();
                    let value = self.expression()?;
                    args.by_name.push((name.into(), value));
                    continue;
                }
                self.ahead.push(token);
            }
            if args.spread.is_some() || args.spread_names.is_some() || !args.by_name.is_empty() {
                return self.fail_at(
                    at,
                    "an argument without a name stands behind one with a name",
                    "arguments without names first",
                );
            }
            args.by_place.push(self.expression()?);
        }
        self.sign(")")?;
        Ok(args)
    }

    fn filters_and_tests(&mut self, mut node: Expr, depth: &mut usize) -> Parsed<Expr> {
        loop {
            let at = self.at();
            if self.is_sign("|") {
                node = match self.filters(Some(node), false)? {
                    Some(filtered) => filtered,
                    None => return self.fail("a filter"),
                };
            } else if self.skip_name("is") {
                let next = self.test(node, at)?;
                node = self.joined(at, depth, next)?;
            } else if self.is_sign("(") {
                let args = self.args()?;
                let next = Node::Call(Box::new(node), args);
                node = self.joined(at, depth, next)?;
            } else {
                return Ok(node);
            }
        }
    }

    /// `| filter` as often as it comes; the first one without `|` where it is `inline`.
    pub(super) fn filters(
        &mut self,
        mut node: Option<Expr>,
        mut inline: bool,
    ) -> Parsed<Option<Expr>> {
        let mut depth = 0;
        while inline || self.is_sign("|") {
            if !inline {
                self.next();
            }
            inline = false;
            let at = self.at();
            let name = self.dotted_name()?;
            let args = if self.is_sign("(") {
                self.args()?
            } else {
                Args::default()
            };
            let run = crate::filters::find(&name);
            if run.is_none() {
                self.unknown.push(crate::lex::complain(
                    self.source,
                    at as usize,
                    format!("there is no filter \"{name}\""),
                    crate::filters::nearest(&name),
                ));
            }
            let filter = Box::new(Named { name, run, args });
            let next = Node::Filter(node.map(Box::new), filter);
            node = Some(self.joined(at, &mut depth, next)?);
        }
        self.depth -= depth;
        Ok(node)
    }

    fn dotted_name(&mut self) -> Parsed<Box<str>> {
        let mut name = String::from(self.plain_name()?);
        while self.skip_sign(".") {
            name.push('.');
            name.push_str(&self.plain_name()?);
        }
        Ok(name.into())
    }

    fn plain_name(&mut self) -> Parsed<Box<str>> {
        let token = self.next();
        match token.kind {
            Kind::Name(name) => Ok(name.into()),
            kind => {
                self.ahead.push(crate::lex::Token { at: token.at, kind });
                self.fail("a name")
            }
        }
    }

    fn test(&mut self, node: Expr, at: u32) -> Parsed<Node> {
        let negated = self.skip_name("not");
        let name_at = self.at();
        let name = self.dotted_name()?;
        let mut args = Args::default();
        let takes_argument = match &self.peek().kind {
            Kind::Sign("(") => {
                args = self.args()?;
                false
            }
            Kind::Name(word) => {
                if word == "is" {
                    return self.fail("and, or, or the end of the expression");
                }
                !matches!(word.as_str(), "else" | "or" | "and")
            }
            Kind::Text(_) | Kind::Int(_) | Kind::Float(_) | Kind::Sign("[" | "{") => true,
            _ => false,
        };
        if takes_argument {
            let argument = self.primary()?;
            let mut depth = 0;
            let argument = self.postfix(argument, &mut depth)?;
            self.depth -= depth;
            args.by_place.push(argument);
        }
        let run = crate::checks::find(&name);
        if run.is_none() {
            self.unknown.push(crate::lex::complain(
                self.source,
                name_at as usize,
                format!("there is no test \"{name}\""),
                crate::checks::nearest(&name),
            ));
        }
        let test = Node::Test(Box::new(node), Box::new(Named { name, run, args }));
        if !negated {
            return Ok(test);
        }
        Ok(Node::Not(Box::new(Expr { at, node: test })))
    }
}
