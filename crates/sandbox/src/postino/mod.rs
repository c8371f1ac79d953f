//! Postino: subscribers, lists and campaigns, and the few records it starts with.

pub(crate) mod sample;
pub(crate) mod schema;

use crate::collection::{Collection, Kind};

pub(crate) static SUBSCRIBERS: Kind = Kind {
    stream: "subscribers",
    singular: "subscriber",
    prefix: "sub_",
    words: &[],
    schema: Some(&schema::SUBSCRIBERS),
    versioned: true,
    tells_deleted: false,
    two_decimals: None,
};

pub(crate) static LISTS: Kind = Kind {
    stream: "lists",
    singular: "list",
    prefix: "lst_",
    words: &["main", "vip", "partners"],
    schema: None,
    versioned: false,
    tells_deleted: false,
    two_decimals: None,
};

pub(crate) static CAMPAIGNS: Kind = Kind {
    stream: "campaigns",
    singular: "campaign",
    prefix: "cmp_",
    words: &[],
    schema: None,
    versioned: false,
    tells_deleted: false,
    two_decimals: None,
};

/// Number of the first subscriber.
pub(crate) const FIRST_SUBSCRIBER: u64 = 1_001;

#[derive(Debug)]
pub(crate) struct Postino {
    pub(crate) subscribers: Collection,
    pub(crate) lists: Collection,
    pub(crate) campaigns: Collection,
}

impl Postino {
    pub(crate) fn empty() -> Self {
        Self {
            subscribers: Collection::new(&SUBSCRIBERS, FIRST_SUBSCRIBER),
            lists: Collection::new(&LISTS, 0),
            campaigns: Collection::new(&CAMPAIGNS, 1),
        }
    }
}
