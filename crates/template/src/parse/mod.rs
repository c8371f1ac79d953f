//! Tokens to a tree. Statements are here, expressions next door.

mod expressions;

use std::sync::Arc;

use crate::TemplateError;
use crate::lex::{Kind, Token, complain};
use crate::tree::{Body, Expr, For, Macro, Node, Stmt, Target};

/// Deepest nesting of statements and expressions.
const MAX_DEPTH: usize = 96;

/// The tree of a template.
pub(crate) fn parse(
    source: &str,
    tokens: Vec<Token>,
    aliases: &[(&str, &str)],
) -> Result<Body, TemplateError> {
    let mut parser = Parser {
        source,
        tokens: tokens.into_iter().peekable(),
        ahead: Vec::new(),
        depth: 0,
        unknown: Vec::new(),
        aliases,
    };
    let (body, _) = parser.body(&[])?;
    match parser.unknown.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(body),
    }
}

struct Parser<'s> {
    source: &'s str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// One token that was looked at and put back.
    ahead: Vec<Token>,
    depth: usize,
    /// Filters and tests that do not exist. Behind a condition that is only an error once it is reached.
    unknown: Vec<TemplateError>,
    aliases: &'s [(&'s str, &'s str)],
}

type Parsed<T> = Result<T, TemplateError>;

const END: Token = Token {
    at: usize::MAX,
    kind: Kind::End,
};

impl Parser<'_> {
    fn peek(&mut self) -> &Token {
        match self.ahead.last() {
            Some(token) => token,
            None => self.tokens.peek().unwrap_or(&END),
        }
    }

    fn next(&mut self) -> Token {
        self.ahead
            .pop()
            .or_else(|| self.tokens.next())
            .unwrap_or(END)
    }

    fn at(&mut self) -> u32 {
        u32::try_from(self.peek().at).unwrap_or(u32::MAX)
    }

    fn fail<T>(&mut self, expected: &str) -> Parsed<T> {
        let token = self.peek().clone();
        Err(complain(
            self.source,
            token.at,
            format!("{} does not fit here", token.kind.describe()),
            expected,
        ))
    }

    fn fail_at<T>(&self, at: u32, message: &str, expected: &str) -> Parsed<T> {
        Err(complain(self.source, at as usize, message, expected))
    }

    fn is_sign(&mut self, sign: &str) -> bool {
        matches!(&self.peek().kind, Kind::Sign(here) if *here == sign)
    }

    fn is_name(&mut self, name: &str) -> bool {
        matches!(&self.peek().kind, Kind::Name(here) if here == name)
    }

    fn skip_sign(&mut self, sign: &str) -> bool {
        let here = self.is_sign(sign);
        if here {
            self.next();
        }
        here
    }

    fn skip_name(&mut self, name: &str) -> bool {
        let here = self.is_name(name);
        if here {
            self.next();
        }
        here
    }

    fn sign(&mut self, sign: &str) -> Parsed<()> {
        if self.skip_sign(sign) {
            return Ok(());
        }
        self.fail(&format!("`{sign}`"))
    }

    fn name(&mut self) -> Parsed<Box<str>> {
        let token = self.next();
        match token.kind {
            Kind::Name(name) => Ok(self.own_name(name)),
            _ => {
                self.ahead.push(token);
                self.fail("a name")
            }
        }
    }

    fn own_name(&self, name: String) -> Box<str> {
        match self.aliases.iter().find(|(alias, _)| *alias == name) {
            Some((_, known)) => (*known).into(),
            None => name.into(),
        }
    }

    fn block_end(&mut self) -> Parsed<()> {
        match self.peek().kind {
            Kind::BlockEnd => {
                self.next();
                Ok(())
            }
            _ => self.fail("`%}`"),
        }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = self.at();
            return self.fail_at(at, "this is nested too deep", "at most 96 levels");
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Statements up to one of `ends`, which is taken and returned; up to the end of the template without any.
    fn body(&mut self, ends: &[&str]) -> Parsed<(Body, String)> {
        self.nested(|parser| parser.body_within(ends))
    }

    fn body_within(&mut self, ends: &[&str]) -> Parsed<(Body, String)> {
        let mut body = Body::new();
        loop {
            let token = self.next();
            match token.kind {
                Kind::End if ends.is_empty() => return Ok((body, String::new())),
                Kind::End => {
                    self.ahead.push(token);
                    return self.fail(&format!("`{{% {} %}}`", ends.join(" %}` or `{% ")));
                }
                Kind::Data(text) => body.push(Stmt::Data(text.into())),
                Kind::PrintBegin => {
                    let expr = self.tuple(true, &[])?;
                    match self.peek().kind {
                        Kind::PrintEnd => self.next(),
                        _ => return self.fail("an operator or `}}`"),
                    };
                    body.push(Stmt::Print(expr));
                }
                Kind::BlockBegin => {
                    if let Kind::Name(name) = &self.peek().kind
                        && ends.contains(&name.as_str())
                    {
                        let name = name.clone();
                        self.next();
                        return Ok((body, name));
                    }
                    self.statement(&mut body)?;
                    self.block_end()?;
                }
                kind => {
                    self.ahead.push(Token { at: token.at, kind });
                    return self.fail("text or a tag");
                }
            }
        }
    }

    /// The body of a statement whose head was read, and the word that ended it.
    fn inner(&mut self, ends: &[&str]) -> Parsed<(Body, String)> {
        self.skip_sign(":");
        self.block_end()?;
        self.body(ends)
    }

    fn statement(&mut self, body: &mut Body) -> Parsed<()> {
        const KNOWN: &str =
            "one of if, for, set, with, macro, call, filter, print, raw, autoescape, block";
        let at = self.at();
        let token = self.next();
        let Kind::Name(name) = &token.kind else {
            self.ahead.push(token);
            return self.fail(KNOWN);
        };
        let statement = match name.as_str() {
            "if" => self.conditional()?,
            "for" => Stmt::For(Box::new(self.for_loop(at)?)),
            "set" => self.set()?,
            "with" => self.with()?,
            "macro" => {
                let name = self.name()?;
                let (args, defaults) = self.signature()?;
                let (body, _) = self.inner(&["endmacro"])?;
                Stmt::Macro(Arc::new(new_macro(name, args, defaults, body)))
            }
            "call" => {
                let (args, defaults) = if self.is_sign("(") {
                    self.signature()?
                } else {
                    (Vec::new(), Vec::new())
                };
                let call = self.expression()?;
                if !matches!(call.node, Node::Call(..)) {
                    return self.fail_at(at, "this `call` calls nothing", "`{% call name() %}`");
                }
                let (body, _) = self.inner(&["endcall"])?;
                let caller = new_macro("".into(), args, defaults, body);
                Stmt::CallBlock(Box::new(call), Arc::new(caller))
            }
            "filter" => {
                let filter = self.filters(None, true)?;
                let Some(filter) = filter else {
                    return self.fail("the name of a filter");
                };
                let (body, _) = self.inner(&["endfilter"])?;
                Stmt::FilterBlock(filter, body)
            }
            "print" => {
                let mut first = true;
                while !matches!(self.peek().kind, Kind::BlockEnd) {
                    if !first {
                        self.sign(",")?;
                    }
                    first = false;
                    body.push(Stmt::Print(self.expression()?));
                }
                return Ok(());
            }
            "autoescape" => {
                let on = self.expression()?;
                let (inner, _) = self.inner(&["endautoescape"])?;
                Stmt::Autoescape(on, inner)
            }
            "block" => {
                self.name()?;
                self.skip_name("scoped");
                self.skip_name("required");
                let (inner, _) = self.inner(&["endblock"])?;
                if matches!(self.peek().kind, Kind::Name(_)) {
                    self.next();
                }
                Stmt::Block(inner)
            }
            "include" | "import" | "from" | "extends" => {
                let message = format!("`{name}` is not offered: a template stands alone");
                return self.fail_at(at, &message, KNOWN);
            }
            _ => {
                let message = format!("there is no statement `{name}`");
                return self.fail_at(at, &message, KNOWN);
            }
        };
        body.push(statement);
        Ok(())
    }

    fn conditional(&mut self) -> Parsed<Stmt> {
        let mut branches = Vec::new();
        let unknown = self.unknown.len();
        loop {
            let test = self.tuple(false, &[])?;
            let (body, end) = self.inner(&["elif", "else", "endif"])?;
            branches.push((test, body));
            if end == "elif" {
                continue;
            }
            let otherwise = if end == "else" {
                self.inner(&["endif"])?.0
            } else {
                Body::new()
            };
            self.unknown.truncate(unknown);
            return Ok(Stmt::If(branches, otherwise));
        }
    }

    fn for_loop(&mut self, at: u32) -> Parsed<For> {
        let target = self.target(true, false)?;
        if !self.skip_name("in") {
            return self.fail("`in`");
        }
        let over = self.tuple(false, &["recursive"])?;
        let only_if = if self.skip_name("if") {
            Some(self.expression()?)
        } else {
            None
        };
        let recursive = self.skip_name("recursive");
        let (body, end) = self.inner(&["endfor", "else"])?;
        let otherwise = if end == "else" {
            self.inner(&["endfor"])?.0
        } else {
            Body::new()
        };
        Ok(For {
            at,
            target,
            over,
            only_if,
            recursive,
            body,
            otherwise,
        })
    }

    fn set(&mut self) -> Parsed<Stmt> {
        let target = self.target(true, true)?;
        if self.skip_sign("=") {
            return Ok(Stmt::Set(target, self.tuple(true, &[])?));
        }
        let filter = self.filters(None, false)?;
        let (body, _) = self.inner(&["endset"])?;
        Ok(Stmt::SetBlock(target, filter, body))
    }

    fn with(&mut self) -> Parsed<Stmt> {
        let mut sets = Vec::new();
        while !matches!(self.peek().kind, Kind::BlockEnd) {
            if !sets.is_empty() {
                self.sign(",")?;
            }
            let target = self.target(false, false)?;
            self.sign("=")?;
            sets.push((target, self.expression()?));
        }
        let (body, _) = self.inner(&["endwith"])?;
        Ok(Stmt::With(sets, body))
    }

    fn signature(&mut self) -> Parsed<(Vec<Box<str>>, Vec<Expr>)> {
        let (mut args, mut defaults) = (Vec::new(), Vec::new());
        self.sign("(")?;
        while !self.is_sign(")") {
            if !args.is_empty() {
                self.sign(",")?;
            }
            args.push(self.name()?);
            if self.skip_sign("=") {
                defaults.push(self.expression()?);
            } else if !defaults.is_empty() {
                return self.fail("`=` and a default, as the arguments before have one");
            }
        }
        self.sign(")")?;
        Ok((args, defaults))
    }

    /// What is assigned to: a name, several, or a member of a namespace.
    fn target(&mut self, several: bool, members: bool) -> Parsed<Target> {
        let at = self.at();
        let mut targets = Vec::new();
        let mut is_tuple = false;
        loop {
            if is_tuple && (self.is_name("in") || self.is_sign(")") || self.is_sign("=")) {
                break;
            }
            targets.push(self.one_target(members)?);
            if !several || !self.skip_sign(",") {
                break;
            }
            is_tuple = true;
        }
        match (is_tuple, targets.pop()) {
            (false, Some(only)) => Ok(only),
            (_, last) => {
                targets.extend(last);
                Ok(Target::Tuple(at, targets))
            }
        }
    }

    fn one_target(&mut self, members: bool) -> Parsed<Target> {
        let at = self.at();
        if self.skip_sign("(") {
            let target = self.nested(|parser| parser.target(true, members))?;
            self.sign(")")?;
            return Ok(target);
        }
        const WORDS: [&str; 6] = ["true", "false", "none", "True", "False", "None"];
        let name = self.name()?;
        if WORDS.contains(&&*name) {
            return self.fail_at(at, "nothing can be assigned to this", "a name");
        }
        if members && self.skip_sign(".") {
            return Ok(Target::Member(at, name, self.name()?));
        }
        Ok(Target::Name(name))
    }
}

fn new_macro(name: Box<str>, args: Vec<Box<str>>, defaults: Vec<Expr>, body: Body) -> Macro {
    let free = crate::reads::free_names(&body);
    let uses = ["varargs", "kwargs", "caller"]
        .map(|word| free.contains(word) && !args.iter().any(|arg| &**arg == word));
    Macro {
        name,
        args,
        defaults,
        body,
        uses,
    }
}
