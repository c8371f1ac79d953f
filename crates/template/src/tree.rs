//! A template as a tree.

use std::sync::Arc;

use num_bigint::BigInt;

use crate::checks::Check;
use crate::filters::Filter;

/// An expression, and where it stands in the template.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: u32,
    pub(crate) node: Node,
}

impl Expr {
    /// Whether the reference computes it before it runs: no names, no calls.
    pub(crate) fn is_constant(&self) -> bool {
        match &self.node {
            Node::Const(_) => true,
            Node::Name(_) | Node::Call(..) => false,
            Node::List(items) | Node::Tuple(items) | Node::Concat(items) => {
                items.iter().all(Self::is_constant)
            }
            Node::Dict(items) => items
                .iter()
                .all(|(key, value)| key.is_constant() && value.is_constant()),
            Node::Attr(of, _) => of.is_constant(),
            Node::Item(of, key) => of.is_constant() && key.is_constant(),
            Node::Slice(of, parts) => {
                of.is_constant() && parts.iter().flatten().all(Self::is_constant)
            }
            Node::Filter(of, filter) => {
                of.as_ref().is_some_and(|of| of.is_constant()) && filter.args.are_constant()
            }
            Node::Test(of, test) => of.is_constant() && test.args.are_constant(),
            Node::Not(inner) | Node::Neg(inner) | Node::Pos(inner) => inner.is_constant(),
            Node::Binary(_, left, right) | Node::And(left, right) | Node::Or(left, right) => {
                left.is_constant() && right.is_constant()
            }
            Node::Compare(first, rest) => {
                first.is_constant() && rest.iter().all(|(_, right)| right.is_constant())
            }
            Node::If(parts) => {
                let (test, then, otherwise) = &**parts;
                test.is_constant()
                    && then.is_constant()
                    && otherwise.as_ref().is_none_or(Self::is_constant)
            }
        }
    }
}

impl Args {
    pub(crate) fn are_constant(&self) -> bool {
        self.spread.is_none()
            && self.spread_names.is_none()
            && self.by_place.iter().all(Expr::is_constant)
            && self.by_name.iter().all(|(_, value)| value.is_constant())
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    Const(Const),
    Name(Box<str>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attr(Box<Expr>, Box<str>),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Args),
    /// Without an input where it stands in `{% filter … %}`.
    Filter(Option<Box<Expr>>, Box<Named<Filter>>),
    Test(Box<Expr>, Box<Named<Check>>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Pos(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Box<Expr>, Vec<(Cmp, Expr)>),
    If(Box<(Expr, Expr, Option<Expr>)>),
}

/// A filter or test with its arguments; none where there is no such thing, which only matters if it is reached.
#[derive(Debug)]
pub(crate) struct Named<F> {
    pub(crate) name: Box<str>,
    pub(crate) run: Option<F>,
    pub(crate) args: Args,
}

#[derive(Debug)]
pub(crate) enum Const {
    None,
    Bool(bool),
    Int(i64),
    Big(BigInt),
    Float(f64),
    Text(Box<str>),
}

#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) by_place: Vec<Expr>,
    pub(crate) by_name: Vec<(Box<str>, Expr)>,
    pub(crate) spread: Option<Box<Expr>>,
    pub(crate) spread_names: Option<Box<Expr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

impl Op {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Mod => "%",
            Self::Pow => "** or pow()",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

pub(crate) type Body = Vec<Stmt>;

#[derive(Debug)]
pub(crate) enum Stmt {
    Data(Box<str>),
    Print(Expr),
    If(Vec<(Expr, Body)>, Body),
    For(Box<For>),
    Set(Target, Expr),
    SetBlock(Target, Option<Expr>, Body),
    With(Vec<(Target, Expr)>, Body),
    Macro(Arc<Macro>),
    CallBlock(Box<Expr>, Arc<Macro>),
    FilterBlock(Expr, Body),
    Block(Body),
    Autoescape(Expr, Body),
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) at: u32,
    pub(crate) target: Target,
    pub(crate) over: Expr,
    pub(crate) only_if: Option<Expr>,
    pub(crate) recursive: bool,
    pub(crate) body: Body,
    pub(crate) otherwise: Body,
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) name: Box<str>,
    pub(crate) args: Vec<Box<str>>,
    /// For the last of `args`.
    pub(crate) defaults: Vec<Expr>,
    pub(crate) body: Body,
    /// Whether the body asks for `varargs`, `kwargs`, `caller`.
    pub(crate) uses: [bool; 3],
}

/// What a value is assigned to.
#[derive(Debug)]
pub(crate) enum Target {
    Name(Box<str>),
    Tuple(u32, Vec<Target>),
    Member(u32, Box<str>, Box<str>),
}
