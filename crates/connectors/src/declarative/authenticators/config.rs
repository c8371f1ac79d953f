//! Settings that change by themselves: a platform whose refresh tokens work once gives a new one with every refresh,
//! and connector files keep it among the settings.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use compact_str::CompactString;
use model::value::{Object, Value};

use crate::Result;

/// Keeps settings that were changed by a refresh.
#[async_trait]
pub trait ConfigKeeper: Send + Sync + std::fmt::Debug {
    /// Keeps them. Awaited before the new token is used for the first time, so that whoever dies in between leaves
    /// settings that work.
    async fn persist(&self, config: &Value) -> Result<()>;

    /// Excludes other processes from refreshing until what it gives is dropped, and reads the settings again: another
    /// process may have refreshed them.
    async fn begin(&self) -> Result<Held> {
        Ok(Held::default())
    }
}

/// The right to refresh.
#[derive(Default)]
pub struct Held {
    /// The settings as they are kept now; none where they are kept nowhere.
    pub config: Option<Value>,
    /// Excludes others until it is dropped.
    pub lock: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The settings hold secrets.
        f.debug_struct("Held")
            .field("read_again", &self.config.is_some())
            .finish_non_exhaustive()
    }
}

/// The settings of a connection as its authenticators see them.
#[derive(Default)]
pub(super) struct LiveConfig {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keeper: Option<Arc<dyn ConfigKeeper>>,
    /// None: nothing has changed since the connection was opened.
    current: Option<Arc<Value>>,
    /// Changed, and not kept yet.
    unsaved: Option<Arc<Value>>,
}

impl std::fmt::Debug for LiveConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveConfig")
            .field("keeper", &self.known().keeper)
            .finish_non_exhaustive()
    }
}

impl LiveConfig {
    pub(super) fn keep_with(&self, keeper: Arc<dyn ConfigKeeper>) {
        self.known().keeper = Some(keeper);
    }

    /// The settings as they are now; `opened` are those that the connection was opened with.
    pub(super) fn current(&self, opened: &Value) -> Arc<Value> {
        let known = self.known();
        match &known.current {
            Some(current) => Arc::clone(current),
            None => Arc::new(opened.clone()),
        }
    }

    /// Before a refresh: keeps what an earlier one could not, and reads what another process has changed.
    pub(super) async fn begin(&self) -> Result<Held> {
        let keeper = self.known().keeper.clone();
        let Some(keeper) = keeper else {
            return Ok(Held::default());
        };
        let held = keeper.begin().await?;
        let unsaved = self.known().unsaved.clone();
        if let Some(unsaved) = unsaved {
            keeper.persist(&unsaved).await?;
            let mut known = self.known();
            known.unsaved = None;
            known.current = Some(unsaved);
            return Ok(Held {
                config: None,
                ..held
            });
        }
        if let Some(config) = &held.config {
            self.known().current = Some(Arc::new(config.clone()));
        }
        Ok(held)
    }

    /// Has settings kept; false where nobody keeps any.
    pub(super) async fn persist(&self, config: &Value) -> Result<bool> {
        let keeper = self.known().keeper.clone();
        match keeper {
            Some(keeper) => keeper.persist(config).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// After a refresh: first kept, then used.
    pub(super) async fn change(&self, config: Value) -> Result<()> {
        let config = Arc::new(config);
        let keeper = self.known().keeper.clone();
        if let Some(keeper) = keeper
            && let Err(error) = keeper.persist(&config).await
        {
            tracing::error!(
                %error,
                "The renewed settings could not be kept; they are kept at the next use."
            );
            self.known().unsaved = Some(config);
            return Err(error);
        }
        self.known().current = Some(config);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the value at `path`; objects on the way are made.
pub(super) fn put(config: &mut Value, path: &[CompactString], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *config = value;
        return;
    };
    if !matches!(config, Value::Object(_)) {
        *config = Value::Object(Object::new());
    }
    if let Value::Object(object) = config {
        let mut member = object
            .get_mut(first)
            .map(std::mem::take)
            .unwrap_or_default();
        put(&mut member, rest, value);
        object.insert(first.clone(), member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_at_paths_that_may_not_be_there_yet() {
        #[track_caller]
        fn check(config: &str, path: &[&str], expected: &str) {
            let mut config = model::json::parse(config.as_bytes()).unwrap();
            let path: Vec<CompactString> = path.iter().map(|step| (*step).into()).collect();
            put(&mut config, &path, Value::text("x"));
            assert_eq!(model::json::to_string(&config), expected);
        }
        check("{}", &["a", "b"], r#"{"a":{"b":"x"}}"#);
        check(
            r#"{"a":{"b":1,"c":2}}"#,
            &["a", "b"],
            r#"{"a":{"b":"x","c":2}}"#,
        );
        check(r#"{"a":null}"#, &["a", "b"], r#"{"a":{"b":"x"}}"#);
        check("null", &["a"], r#"{"a":"x"}"#);
    }
}
