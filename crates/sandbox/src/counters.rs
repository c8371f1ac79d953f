//! What was asked of the platforms and what they did.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Platform;

/// Counts since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// By method and route, such as `GET /postino/api/subscribers/{id}`.
    pub requests: BTreeMap<String, u64>,
    /// What Harbor did.
    pub harbor: PlatformCounters,
    /// What Postino did.
    pub postino: PlatformCounters,
    /// Injected faults by kind.
    pub faults: BTreeMap<String, u64>,
}

/// What one platform did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlatformCounters {
    /// Sign-ins completed: codes exchanged for tokens.
    pub code_grants: u64,
    /// Access tokens given for a refresh token.
    pub refresh_grants: u64,
    /// Access tokens given in any other way: to programs, devices, for assertions.
    pub other_grants: u64,
    /// Refresh tokens presented a second time.
    pub refresh_reuse: u64,
    /// Tokens revoked by their client.
    pub revocations: u64,
    /// Answers given again for a known idempotency key.
    pub idempotent_replays: u64,
    /// Requests refused by the rate limit.
    pub rate_limited: u64,
    /// Records written, by stream and operation, such as `subscribers.create`.
    pub writes: BTreeMap<String, u64>,
}

impl Counters {
    /// How many requests went to routes that contain this text.
    pub fn requests_to(&self, part: &str) -> u64 {
        self.requests
            .iter()
            .filter(|(route, _)| route.contains(part))
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn of(&mut self, platform: Platform) -> &mut PlatformCounters {
        match platform {
            Platform::Harbor => &mut self.harbor,
            Platform::Postino => &mut self.postino,
        }
    }

    pub(crate) fn request(&mut self, method: &str, route: &str) {
        *self
            .requests
            .entry(format!("{method} {route}"))
            .or_default() += 1;
    }

    pub(crate) fn fault(&mut self, name: &str) {
        *self.faults.entry(name.to_owned()).or_default() += 1;
    }
}

impl PlatformCounters {
    /// Records written in this way; 0 when there were none.
    pub fn written(&self, operation: &str) -> u64 {
        self.writes.get(operation).copied().unwrap_or(0)
    }

    pub(crate) fn wrote(&mut self, stream: &str, operation: &str) {
        *self
            .writes
            .entry(format!("{stream}.{operation}"))
            .or_default() += 1;
    }
}
