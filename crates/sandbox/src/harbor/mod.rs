//! Harbor CRM: contacts, companies and deals, and the sample data for them.

pub(crate) mod places;
pub(crate) mod sample;
pub(crate) mod schema;

use crate::collection::{Collection, Kind};

pub(crate) static CONTACTS: Kind = Kind {
    stream: "contacts",
    singular: "contact",
    prefix: "ct_",
    words: &[],
    schema: Some(&schema::CONTACTS),
    versioned: true,
    tells_deleted: true,
    two_decimals: Some("score"),
};

pub(crate) static COMPANIES: Kind = Kind {
    stream: "companies",
    singular: "company",
    prefix: "co_",
    words: &[],
    schema: None,
    versioned: false,
    tells_deleted: false,
    two_decimals: None,
};

pub(crate) static DEALS: Kind = Kind {
    stream: "deals",
    singular: "deal",
    prefix: "dl_",
    words: &[],
    schema: None,
    versioned: false,
    tells_deleted: false,
    two_decimals: None,
};

/// Numbers of the first contact, company and deal.
pub(crate) const FIRST_CONTACT: u64 = 10_001;
pub(crate) const FIRST_COMPANY: u64 = 1_001;
pub(crate) const FIRST_DEAL: u64 = 5_001;

#[derive(Debug)]
pub(crate) struct Harbor {
    pub(crate) contacts: Collection,
    pub(crate) companies: Collection,
    pub(crate) deals: Collection,
}

impl Harbor {
    pub(crate) fn empty() -> Self {
        Self {
            contacts: Collection::new(&CONTACTS, FIRST_CONTACT),
            companies: Collection::new(&COMPANIES, FIRST_COMPANY),
            deals: Collection::new(&DEALS, FIRST_DEAL),
        }
    }
}
