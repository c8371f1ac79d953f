//! Shadows that lie where they were journalled: many in one packet, which goes with the last link that has its shadow
//! in it.

use std::collections::BTreeMap;

use model::json;
use model::value::Value;
use rusqlite::{Connection, Transaction, params};

use super::Link;
use crate::column::{all, execute, first};
use crate::error::{Error, Result};
use crate::packet::{self, Reader};

/// Where the shadow of a link lies that was journalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShadowPlace {
    pub(crate) packet_no: i64,
    pub(crate) place: u32,
}

/// A link that was read; with a place, its shadow was not.
pub(super) struct Found {
    pub(super) link: Link,
    pub(super) place: Option<ShadowPlace>,
}

/// The links with their shadows. Each packet is opened once, one after the other.
pub(super) fn with_shadows(conn: &Connection, mut found: Vec<Found>) -> Result<Vec<Link>> {
    let mut packed: Vec<(ShadowPlace, &mut Link)> = found
        .iter_mut()
        .filter_map(|found| Some((found.place?, &mut found.link)))
        .collect();
    packed.sort_unstable_by_key(|(place, _)| *place);
    for group in packed.chunk_by_mut(|(a, _), (b, _)| a.packet_no == b.packet_no) {
        let Some(packet_no) = group.first().map(|(place, _)| place.packet_no) else {
            continue;
        };
        let content = packet::get(conn, packet_no)?
            .and_then(|packet| packet::unpack(&packet))
            .ok_or_else(corrupt)?;
        let mut reader = Reader(&content);
        let mut next = 0;
        for (place, link) in group {
            // Two links may have one shadow only by a fault; it is read again then.
            if place.place < next {
                reader = Reader(&content);
                next = 0;
            }
            while next < place.place {
                reader.bytes().ok_or_else(corrupt)?;
                next += 1;
            }
            let text = reader.bytes().flatten().ok_or_else(corrupt)?;
            next += 1;
            match json::parse(text) {
                Ok(Value::Object(shadow)) => link.shadow = shadow,
                _ => return Err(corrupt()),
            }
        }
    }
    Ok(found.into_iter().map(|found| found.link).collect())
}

fn corrupt() -> Error {
    Error::corrupt("packet of shadows")
}

/// How many links more, or less, have their shadows in packets.
#[derive(Default)]
pub(super) struct Uses(BTreeMap<i64, i64>);

impl Uses {
    pub(super) fn take(&mut self, packet_no: i64) {
        *self.0.entry(packet_no).or_default() += 1;
    }

    pub(super) fn leave(&mut self, packet_no: i64) {
        *self.0.entry(packet_no).or_default() -= 1;
    }

    /// Counts them; a packet that is left by all goes.
    pub(super) fn note(self, tx: &Transaction<'_>, sync_no: i64) -> Result<()> {
        for (packet_no, n) in self.0 {
            let left: i64 = first(
                tx,
                "packet of shadows",
                r"INSERT INTO shadow_packets (packet_no, sync_no, n_links)
                  VALUES (?1, ?2, ?3)
                  ON CONFLICT (packet_no) DO UPDATE SET n_links = n_links + excluded.n_links
                  RETURNING n_links",
                params![packet_no, sync_no, n],
                |row| row.get("n_links"),
            )?
            .ok_or_else(corrupt)?;
            if left <= 0 {
                execute(
                    tx,
                    "remove a packet of shadows",
                    "DELETE FROM shadow_packets WHERE packet_no = ?1",
                    [packet_no],
                )?;
                packet::remove_unused(tx, packet_no)?;
            }
        }
        Ok(())
    }
}

/// No link of this sync has its shadow in a packet any more.
pub(super) fn forget_packets(tx: &Transaction<'_>, sync_no: i64) -> Result<()> {
    let packets: Vec<i64> = all(
        tx,
        "packet of shadows",
        "DELETE FROM shadow_packets WHERE sync_no = ?1 RETURNING packet_no",
        [sync_no],
        |row| row.get("packet_no"),
    )?;
    for packet_no in packets {
        packet::remove_unused(tx, packet_no)?;
    }
    Ok(())
}
