//! Tokens of one connection's authenticators: got once, however many requests want them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::clock::Millis;
use model::secret::Secret;
use model::value::Value;
use sha2::{Digest as _, Sha256};

use super::config::{ConfigKeeper, LiveConfig};
use super::quota::Quotas;
use crate::auth::again;
use crate::{Error, Result};

/// How long a failure counts for others who want the same token: they waited for it.
const FAILED_FOR: Millis = 5_000;
/// A file has a handful of authenticators; more than this many only come from values that change all the time.
const MOST: usize = 200;

/// The tokens of one connection. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cells: Mutex<HashMap<[u8; 32], Arc<Cell>>>,
    quotas: Mutex<HashMap<[u8; 32], Arc<Quotas>>>,
    config: LiveConfig,
}

/// A token that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: Secret,
    /// None: until the platform refuses it.
    pub(crate) ends: Option<Millis>,
    /// When it was got.
    pub(crate) got: Millis,
    /// Grows with every token of the cell.
    pub(crate) version: u64,
}

/// A place for one token.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// Whoever holds it may ask for a token.
    flight: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    version: u64,
    failure: Option<(Millis, Error)>,
    /// The one before, which answers may still quote.
    former: Option<Secret>,
}

impl Tokens {
    /// Says who keeps the settings when a refresh changes them.
    pub fn keep_config_with(&self, keeper: Arc<dyn ConfigKeeper>) {
        self.0.config.keep_with(keeper);
    }

    /// Has settings kept that something else than a refresh has changed; false where nobody keeps any.
    pub async fn persist(&self, config: &Value) -> Result<bool> {
        self.0.config.persist(config).await
    }

    pub(super) fn config(&self) -> &LiveConfig {
        &self.0.config
    }

    /// The cell for what would be asked.
    pub(crate) fn cell(&self, key: [u8; 32]) -> Arc<Cell> {
        let mut cells = self.0.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= MOST && !cells.contains_key(&key) {
            cells.clear();
        }
        Arc::clone(cells.entry(key).or_default())
    }

    /// What is left of a set of tokens.
    pub(crate) fn quotas(&self, key: [u8; 32]) -> Arc<Quotas> {
        let mut quotas = self.0.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        if quotas.len() >= MOST && !quotas.contains_key(&key) {
            quotas.clear();
        }
        Arc::clone(quotas.entry(key).or_default())
    }

    /// Every token that is or was in use.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let cells = self.0.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells
            .values()
            .flat_map(|cell| {
                let state = cell.state();
                let token = state.token.as_ref().map(|token| token.text.clone());
                token
                    .into_iter()
                    .chain(state.former.clone())
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A digest of what would be asked: the parts in order.
pub(crate) fn key<'p>(kind: &'p str, parts: impl IntoIterator<Item = &'p str>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(kind).chain(parts) {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Cell {
    /// The token, if it is good at `now`.
    pub(crate) fn good(&self, now: Millis) -> Option<Token> {
        self.state()
            .token
            .clone()
            .filter(|token| token.ends.is_none_or(|ends| now < ends))
    }

    /// Puts a token there that nobody had to ask for.
    pub(crate) fn seed(&self, text: Secret, ends: Option<Millis>) {
        let mut state = self.state();
        if state.version == 0 {
            state.put(text, ends, 0);
        }
    }

    /// A token that is good at `now`, asked for where there is none. `ask` gives it and its end; it runs in the
    /// caller's task.
    pub(crate) async fn get(
        &self,
        now: Millis,
        ask: impl AsyncFnOnce() -> Result<(Secret, Option<Millis>)>,
    ) -> Result<Token> {
        if let Some(token) = self.good(now) {
            return Ok(token);
        }
        let _turn = self.flight.lock().await;
        if let Some(token) = self.good(now) {
            return Ok(token);
        }
        self.failed_just_now(now)?;
        let answer = ask().await;
        self.settle(now, answer)
    }

    /// The turn to ask, for those who ask in a task of their own.
    pub(crate) async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.flight).lock_owned().await
    }

    /// The failure of somebody who asked a moment ago.
    pub(crate) fn failed_just_now(&self, now: Millis) -> Result<()> {
        match &self.state().failure {
            Some((at, error)) if now.saturating_sub(*at) < FAILED_FOR => Err(again(error)),
            _ => Ok(()),
        }
    }

    /// Keeps what asking came to.
    pub(crate) fn settle(
        &self,
        now: Millis,
        answer: Result<(Secret, Option<Millis>)>,
    ) -> Result<Token> {
        let mut state = self.state();
        match answer {
            Ok((text, ends)) => {
                state.failure = None;
                Ok(state.put(text, ends, now))
            }
            Err(error) => {
                if !matches!(error, Error::Cancelled) {
                    state.failure = Some((now, again(&error)));
                }
                Err(error)
            }
        }
    }

    /// Drops the token of this version, which the platform has refused. True when asking for another makes sense:
    /// not when it was got only a moment ago.
    pub(crate) fn refuse(&self, version: u64, now: Millis) -> bool {
        let mut state = self.state();
        match &state.token {
            Some(token) if token.version > version => true,
            Some(token) if token.version == version && now.saturating_sub(token.got) >= FRESH => {
                state.former = state.token.take().map(|token| token.text);
                true
            }
            Some(_) => false,
            None => state.version > version,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token that was got so lately is not refused for its age.
const FRESH: Millis = 10_000;

impl State {
    fn put(&mut self, text: Secret, ends: Option<Millis>, got: Millis) -> Token {
        self.version += 1;
        let token = Token {
            text,
            ends,
            got,
            version: self.version,
        };
        if let Some(before) = self.token.replace(token.clone()) {
            self.former = Some(before.text);
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_token_is_asked_for_once_however_many_want_it() {
        let cell = Arc::new(Cell::default());
        let asked = Arc::new(AtomicU32::new(0));
        let want = |now: Millis| {
            let (cell, asked) = (Arc::clone(&cell), Arc::clone(&asked));
            async move {
                cell.get(now, async || {
                    tokio::task::yield_now().await;
                    let n = asked.fetch_add(1, Ordering::SeqCst);
                    Ok((Secret::new(format!("t{n}")), Some(now + 1_000)))
                })
                .await
                .unwrap()
            }
        };
        let all = futures_util::future::join_all((0..50).map(|_| want(0))).await;
        assert!(all.iter().all(|token| token.text.reveal() == "t0"));
        assert_eq!(want(999).await.text.reveal(), "t0");
        assert_eq!(want(1_000).await.text.reveal(), "t1");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn those_who_waited_for_a_failure_do_not_try_it_again() {
        let cell = Cell::default();
        let mut asked = 0;
        for now in [0, 10, 4_999, 5_000] {
            let error = cell
                .get(now, async || {
                    asked += 1;
                    Err(Error::SignInNeeded {
                        platform: "p".into(),
                        reason: "gone".into(),
                    })
                })
                .await
                .unwrap_err();
            assert!(matches!(error, Error::SignInNeeded { .. }));
        }
        assert_eq!(asked, 2);
    }

    #[test]
    fn a_refused_token_is_dropped_unless_it_is_new() {
        let cell = Cell::default();
        cell.seed(Secret::new("s"), None);
        cell.seed(Secret::new("again"), None);
        assert_eq!(cell.good(5).unwrap().text.reveal(), "s");
        assert!(cell.refuse(1, 20_000));
        assert!(
            !cell.refuse(1, 20_000),
            "it is gone already and nothing newer is there"
        );
        let token = cell.settle(20_000, Ok((Secret::new("t"), None))).unwrap();
        assert!(cell.refuse(1, 20_000), "there is a newer one");
        assert!(!cell.refuse(token.version, 20_001));
        assert!(cell.good(20_001).is_some());
    }

    #[test]
    fn different_questions_have_different_cells() {
        assert_eq!(key("a", ["b", "c"]), key("a", ["b", "c"]));
        assert_ne!(key("a", ["b", "c"]), key("a", ["bc"]));
        assert_ne!(key("a", ["b"]), key("b", ["b"]));
        let tokens = Tokens::default();
        let one = tokens.cell(key("a", []));
        assert!(Arc::ptr_eq(&one, &tokens.clone().cell(key("a", []))));
    }
}
