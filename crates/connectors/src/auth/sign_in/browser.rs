//! Waiting for the person's browser to come back.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{Context, SignInStep};
use crate::auth::credentials::TokenSet;
use crate::auth::loopback::{Arrival, Expected, Listener, Query};
use crate::auth::page::Page;
use crate::{Error, Result};

/// A listener that waits for one redirect.
pub(super) struct Landing {
    arrivals: mpsc::Receiver<Arrival>,
    post_box: PostBox,
    _closing: DropGuard,
}

/// Takes an address by hand instead.
#[derive(Clone)]
pub(super) struct PostBox {
    pub(super) redirect: String,
    expected: Arc<Expected>,
    arrivals: mpsc::Sender<Arrival>,
}

/// A port that is held, before it is known what will come back to it.
pub(super) struct Door {
    listener: Listener,
    pub(super) redirect: String,
}

impl Door {
    /// Takes a port, the wanted one if it is free.
    pub(super) async fn open(
        context: &Context,
        host: &str,
        path: &str,
        wanted: Option<u16>,
    ) -> Result<Self> {
        let refuse = |place: &str, problem: String, expected: &str| Error::Misconfigured {
            what: "the connector's sign-in".to_owned(),
            place: place.to_owned(),
            problem,
            expected: expected.to_owned(),
        };
        if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
            return Err(refuse(
                "redirect_path",
                format!("{path:?} is not a path"),
                "a path such as /callback",
            ));
        }
        if !matches!(host, "127.0.0.1" | "localhost") {
            return Err(refuse(
                "redirect_host",
                format!("{host:?} is not this computer"),
                "127.0.0.1 or localhost",
            ));
        }
        let listener = Listener::bind(wanted).await?;
        if let Some(wanted) = wanted
            && wanted != listener.port
        {
            let used = listener.port;
            tracing::warn!(
                wanted,
                used,
                "The port for the sign-in is in use, another one is taken."
            );
            context.step(SignInStep::PortTaken { wanted, used });
        }
        let redirect = format!("http://{host}:{}{path}", listener.port);
        Ok(Self { listener, redirect })
    }

    /// Waits for what is expected.
    pub(super) fn wait_for(self, expected: Expected) -> Landing {
        let expected = Arc::new(expected);
        let (sender, arrivals) = mpsc::channel(1);
        let closing = CancellationToken::new();
        tokio::spawn(
            self.listener
                .serve(Arc::clone(&expected), sender.clone(), closing.clone()),
        );
        Landing {
            arrivals,
            post_box: PostBox {
                redirect: self.redirect,
                expected,
                arrivals: sender,
            },
            _closing: closing.drop_guard(),
        }
    }
}

impl Landing {
    pub(super) fn post_box(&self) -> PostBox {
        self.post_box.clone()
    }

    pub(super) fn redirect(&self) -> &str {
        &self.post_box.redirect
    }

    /// Waits for the browser, hands what it brought to `exchange`, and shows the person how it ended.
    pub(super) async fn finish(
        mut self,
        context: &Context,
        cancel: &CancellationToken,
        exchange: impl AsyncFnOnce(&Query, &str) -> Result<TokenSet>,
    ) -> Result<TokenSet> {
        let arrival = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Error::Cancelled),
            arrival = self.arrivals.recv() => arrival,
            () = tokio::time::sleep_until(context.deadline) => return Err(context.too_late()),
        };
        let Some(Arrival { query, answer }) = arrival else {
            return Err(Error::Cancelled);
        };
        context.step(SignInStep::RedirectReceived);
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::Cancelled),
            result = exchange(&query, self.redirect()) => result,
        };
        if let Some(answer) = answer {
            let _ = answer.send(closing_page(&context.platform, &result));
        }
        result
    }
}

impl PostBox {
    /// Takes the address at which the person's browser ended.
    pub(super) fn take(&self, text: &str) -> Result<()> {
        let refuse = |reason: &str| Error::SignInFailed {
            reason: format!(
                "{reason}; copy the whole address from the browser's address bar, it begins with {}",
                self.redirect
            ),
        };
        let text = text.trim().trim_matches(['<', '>', '"', '\'']).trim();
        if text.len() > 16 * 1024 {
            return Err(refuse("this is longer than any such address"));
        }
        let query = match Url::parse(text) {
            Ok(url) => url.query().unwrap_or_default().to_owned(),
            Err(_) if text.contains('=') => text
                .rsplit_once('?')
                .map_or(text, |(_, query)| query)
                .to_owned(),
            Err(_) => return Err(refuse("this is not an address")),
        };
        let query = Query::parse(&query);
        if let Err(reason) = self.expected.check(&query) {
            tracing::warn!(
                %reason,
                "A pasted address that does not belong to this sign-in was refused."
            );
            return Err(refuse(&format!("this address was refused: {reason}")));
        }
        let arrival = Arrival {
            query,
            answer: None,
        };
        // A full channel means that the browser has come back in the meantime.
        let _ = self.arrivals.try_send(arrival);
        Ok(())
    }
}

fn closing_page(platform: &str, result: &Result<TokenSet>) -> Page {
    match result {
        Ok(_) => Page::done(platform),
        Err(Error::SignInFailed { reason }) => Page::failed(
            StatusCode::BAD_REQUEST,
            &format!("{platform} is not connected"),
            &sentence(reason),
        ),
        Err(Error::Cancelled) => Page::failed(
            StatusCode::BAD_REQUEST,
            &format!("{platform} is not connected"),
            "The sign-in was cancelled in Patchbay. You can close this window.",
        ),
        Err(error) => Page::failed(
            StatusCode::BAD_REQUEST,
            &format!("{platform} is not connected"),
            &sentence(&error.to_string()),
        ),
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => String::new(),
    }
}
