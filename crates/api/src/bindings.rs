//! The TypeScript side of the registry: `ui/src/api/bindings.ts`.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use ts_rs::{Config, TS, TypeVisitor};

use crate::error::ApiError;
use crate::registry::commands;
#[allow(
    clippy::wildcard_imports,
    reason = "the registry names nearly all of them"
)]
use crate::views::*;

/// The whole text of `bindings.ts`.
pub fn typescript() -> String {
    let config = Config::default();
    let mut types = Types {
        config: &config,
        declarations: BTreeMap::new(),
        seen: HashSet::new(),
    };
    let mut commands_ts = String::new();
    let mut rules_ts = String::new();
    macro_rules! describe {
        ($($name:ident($request:ty) -> $response:ty, $kind:ident, [$($tag:ident),*];)*) => {$(
            types.visit::<$request>();
            types.visit::<$response>();
            _ = writeln!(
                commands_ts,
                "  {}: {{ request: {}; response: {} }};",
                stringify!($name),
                <$request as TS>::name(&config),
                <$response as TS>::name(&config),
            );
            let tags: &[crate::tags::Tag] = &[$(crate::tags::Tag::$tag),*];
            _ = writeln!(
                rules_ts,
                "  {}: {{ kind: \"{}\", tags: {} }},",
                stringify!($name),
                stringify!($kind),
                serde_json::to_string(tags).unwrap_or_default().replace(",", ", "),
            );
        )*};
    }
    commands!(describe);
    types.visit::<ApiError>();
    types.visit::<UiEvent>();
    types.visit::<crate::tags::Tag>();

    let mut out = String::from(
        "// Made by `cargo test -p api bindings` from crates/api. Do not edit: run `cargo xtask check --fix`.\n\n",
    );
    for declaration in types.declarations.values() {
        _ = writeln!(out, "{declaration}\n");
    }
    _ = writeln!(out, "export interface Commands {{\n{commands_ts}}}\n");
    _ = writeln!(
        out,
        "export const rules: {{ [K in keyof Commands]: {{ kind: \"query\" | \"mutation\"; tags: Tag[] }} }} = {{\n{rules_ts}}};"
    );
    out
}

struct Types<'a> {
    config: &'a Config,
    declarations: BTreeMap<String, String>,
    seen: HashSet<TypeId>,
}

impl TypeVisitor for Types<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        if T::output_path().is_some() {
            self.declarations.insert(
                T::ident(self.config),
                format!("export {}", T::decl(self.config)),
            );
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

#[cfg(test)]
mod tests {
    /// With `UPDATE_BINDINGS=1` the file is written, otherwise compared.
    #[test]
    fn bindings_in_the_user_interface_are_fresh() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/api/bindings.ts");
        let made = super::typescript();
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == made,
            "ui/src/api/bindings.ts is not what crates/api says: run `cargo xtask check --fix`"
        );
    }
}
