//! Calling what can be called, and the arguments it is given.

use smallvec::SmallVec;

use super::Machine;
use crate::error::{Fallible, Fault};
use crate::tree::{Args, Expr};
use crate::value::{Text, Thing, Val};

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given<'r> {
    pub(crate) by_place: SmallVec<[Val<'r>; 3]>,
    pub(crate) by_name: SmallVec<[(Text<'r>, Val<'r>); 1]>,
}

impl<'r> Given<'r> {
    pub(crate) fn one(value: Val<'r>) -> Self {
        let mut given = Self::default();
        given.by_place.push(value);
        given
    }

    /// The arguments in the order of `names`, of which the first `required` must be there.
    pub(crate) fn bind<const N: usize>(
        self,
        function: &str,
        names: [&str; N],
        required: usize,
    ) -> Fallible<[Option<Val<'r>>; N]> {
        let mut bound = [const { None }; N];
        let given = self.by_place.len();
        if given > N {
            return Err(Fault::wrong_type(format!(
                "{function}() takes {N} arguments but {given} were given"
            )));
        }
        for (slot, value) in bound.iter_mut().zip(self.by_place) {
            *slot = Some(value);
        }
        for (name, value) in self.by_name {
            let place = names
                .iter()
                .position(|known| !known.is_empty() && *known == &*name);
            let Some(slot) = place.and_then(|place| bound.get_mut(place)) else {
                return Err(Fault::wrong_type(format!(
                    "{function}() got an unexpected keyword argument '{}'",
                    &*name
                )));
            };
            if slot.is_some() {
                return Err(Fault::wrong_type(format!(
                    "{function}() got multiple values for argument '{}'",
                    &*name
                )));
            }
            *slot = Some(value);
        }
        for (name, slot) in names.iter().zip(&bound).take(required) {
            if slot.is_none() {
                return Err(Fault::wrong_type(format!(
                    "{function}() missing a required argument: '{name}'"
                )));
            }
        }
        Ok(bound)
    }

    /// No arguments at all.
    pub(crate) fn none(self, function: &str) -> Fallible<()> {
        self.bind::<0>(function, [], 0).map(|_| ())
    }

    /// The one argument that there must be.
    pub(crate) fn only(self, function: &str, name: &str) -> Fallible<Val<'r>> {
        let [value] = self.bind(function, [name], 1)?;
        Ok(value.unwrap_or(Val::None))
    }
}

impl<'r> Machine<'r> {
    /// The arguments as the template gives them.
    pub(crate) fn given(&self, args: &'r Args) -> Fallible<Given<'r>> {
        let mut given = Given::default();
        for arg in &args.by_place {
            given.by_place.push(self.expr(arg)?);
        }
        for (name, arg) in &args.by_name {
            given.by_name.push((Text::Borrowed(name), self.expr(arg)?));
        }
        if let Some(spread) = &args.spread {
            given.by_place.extend(self.collect(&self.expr(spread)?)?);
        }
        if let Some(spread) = &args.spread_names {
            let spread = self.expr(spread)?;
            for (name, value) in self.entries_of(&spread)? {
                let Val::Text(name) = name else {
                    return Err(Fault::wrong_type("keywords must be strings"));
                };
                if given.by_name.iter().any(|(known, _)| **known == *name) {
                    return Err(Fault::wrong_type(format!(
                        "got multiple values for keyword argument '{}'",
                        &*name
                    )));
                }
                given.by_name.push((name, value));
            }
        }
        Ok(given)
    }

    /// `callee(args)`
    pub(super) fn call_expr(&self, callee: &'r Expr, args: &'r Args) -> Fallible<Val<'r>> {
        if let crate::tree::Node::Attr(of, name) = &callee.node {
            let of_value = self.expr(of)?;
            if let Val::Undefined(missing) = &of_value {
                let fault = self.undefined_fault(missing);
                return Err(super::expressions::blamed(fault, of).at(callee.at));
            }
            if crate::methods::has(self, &of_value, name) {
                let given = self.given(args)?;
                return crate::methods::call(self, &of_value, name, given);
            }
            let member = self.attribute(&of_value, name)?;
            let member = self.with_path(member, callee);
            let given = self.given(args)?;
            return self.call(&member, given).map_err(|fault| match &member {
                Val::Undefined(_) => no_method(fault, &of_value, name).at(callee.at),
                _ => fault,
            });
        }
        let callee = self.expr(callee)?;
        self.call(&callee, self.given(args)?)
    }

    /// `callee(args)`
    pub(crate) fn call(&self, callee: &Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
        self.step()?;
        match callee {
            Val::Undefined(missing) => Err(self.undefined_fault(missing)),
            Val::Object(thing) => match &**thing {
                Thing::Function(function) => (function.call)(self, given),
                Thing::Method(of, name) => crate::methods::call(self, of, name, given),
                Thing::Macro(node, frame) => self.call_macro(node, *frame, given),
                Thing::Joiner(separator, used) => {
                    given.none("joiner")?;
                    if used.replace(true) {
                        Ok(Val::Text(separator.clone()))
                    } else {
                        Ok(Val::borrowed(""))
                    }
                }
                Thing::Loop(each) => {
                    let items = given.only("loop", "iterable")?;
                    self.recurse(each, &items)
                }
                _ => Err(not_callable(callee)),
            },
            _ => Err(not_callable(callee)),
        }
    }
}

/// The error of calling a method that is not there.
#[cold]
fn no_method(mut fault: Box<Fault>, of: &Val<'_>, name: &str) -> Box<Fault> {
    if fault.kind == crate::error::FaultKind::Undefined && fault.missing.is_none() {
        fault.message = format!("{} has no method `{name}`", of.kind_word());
    }
    fault
}

fn not_callable(value: &Val<'_>) -> Box<Fault> {
    Fault::wrong_type(format!("'{}' object is not callable", value.type_name()))
}
