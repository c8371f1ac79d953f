//! Which record of the source is which record of the target, and what both last agreed on.
//!
//! `links` is narrow, so that a batch of unchanged records is recognised by reading few
//! pages ([`fingerprints_many`]); the shadows lie beside it and are only read where something
//! changed ([`get_many`]). Those of new records stay in the packet in which they were journalled ([`shadows`]); a
//! shadow that is changed later becomes a row.

use std::collections::HashMap;

use model::ids::SyncId;
use model::record::RecordKey;
use model::sync::Side;
use model::value::{Fingerprint, Object};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::column::{Columns, all, execute, first, object_text, prepare, sync_no};
use crate::error::{During, Error, Result};

mod shadows;

pub use shadows::ShadowPlace;
use shadows::{Found, Uses, with_shadows};

/// A pair of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The record of the source.
    pub source_key: RecordKey,
    /// The record of the target.
    pub target_key: RecordKey,
    /// Fingerprint of the mapped record that both sides last agreed on.
    pub source_fingerprint: Fingerprint,
    /// That mapped record.
    pub shadow: Object,
    /// What the target has where that differs from the shadow: platforms trim, round and rewrite what they are sent,
    /// and an undone change stays undone. None where it is the same.
    pub target_shadow: Option<Object>,
    /// The target's version tag of that state, where it has one.
    pub target_version: Option<String>,
    /// The source's, where changes flow back to it.
    pub source_version: Option<String>,
    /// The side on which this sync made its record; none where both were there before. When a link is replaced, none
    /// leaves what is known of the pair.
    pub made_on: Option<Side>,
}

const SELECT: &str = r"
    SELECT links.source_key, links.target_key, links.source_fingerprint, links.target_version,
           links.shadow_no, links.shadow_place, links.made_on, shadows.shadow,
           shadows.target_shadow, shadows.source_version
    FROM links
    LEFT JOIN shadows ON shadows.shadow_no = links.shadow_no AND links.shadow_place IS NULL";

/// The links of these source records, as far as there are any.
pub fn get_many(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, Link>> {
    let sync_no = sync_no(conn, sync)?;
    let sql = format!("{SELECT} WHERE links.sync_no = ?1 AND links.source_key = ?2");
    let mut found = Vec::with_capacity(source_keys.len());
    for key in source_keys {
        found.extend(first(
            conn,
            "link",
            &sql,
            params![sync_no, key.as_str()],
            read,
        )?);
    }
    let links = with_shadows(conn, found)?.into_iter();
    Ok(links.map(|link| (link.source_key.clone(), link)).collect())
}

/// What both sides last agreed on for these source records, as far as they are linked. Reads no shadow.
pub fn fingerprints_many(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, Fingerprint>> {
    let sync_no = sync_no(conn, sync)?;
    let mut statement = prepare(
        conn,
        "use links",
        "SELECT source_fingerprint FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut out = HashMap::with_capacity(source_keys.len());
    for key in source_keys {
        let bytes: Option<[u8; 16]> = statement
            .query_row(params![sync_no, key.as_str()], |row| row.get(0))
            .optional()
            .during("look fingerprints up")?;
        if let Some(fingerprint) = bytes.and_then(|bytes| Fingerprint::from_bytes(&bytes)) {
            out.insert(key.clone(), fingerprint);
        }
    }
    Ok(out)
}

/// The link of a target record; the first by source key, should several point at it.
pub fn get_by_target(
    conn: &Connection,
    sync: SyncId,
    target_key: &RecordKey,
) -> Result<Option<Link>> {
    let found = first(
        conn,
        "link",
        &format!(
            "{SELECT} WHERE links.sync_no = ?1 AND links.target_key = ?2 ORDER BY links.source_key LIMIT 1"
        ),
        params![sync_no(conn, sync)?, target_key.as_str()],
        read,
    )?;
    Ok(with_shadows(conn, found.into_iter().collect())?.pop())
}

/// The source records that these target records are linked to, as far as they are. To find out
/// whether a match is already taken.
pub fn sources_of_targets(
    conn: &Connection,
    sync: SyncId,
    target_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, RecordKey>> {
    counterparts(
        conn,
        sync,
        target_keys,
        r"SELECT source_key
          FROM links
          WHERE sync_no = ?1 AND target_key = ?2
          ORDER BY source_key
          LIMIT 1",
    )
}

/// The target records that these source records are linked to, as far as they are.
pub fn targets_of_sources(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, RecordKey>> {
    counterparts(
        conn,
        sync,
        source_keys,
        "SELECT target_key FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )
}

/// What the statement gives for each key, as far as it gives something.
fn counterparts(
    conn: &Connection,
    sync: SyncId,
    keys: &[RecordKey],
    sql: &str,
) -> Result<HashMap<RecordKey, RecordKey>> {
    let sync_no = sync_no(conn, sync)?;
    let mut statement = prepare(conn, "use links", sql)?;
    let mut out = HashMap::new();
    for key in keys {
        let other: Option<String> = statement
            .query_row(params![sync_no, key.as_str()], |row| row.get(0))
            .optional()
            .during("look counterparts up")?;
        if let Some(other) = other {
            out.insert(key.clone(), RecordKey(other));
        }
    }
    Ok(out)
}

/// Stands for the bytes of a source record, in its upper 40 bits, and for the mapping that they were mapped with, in the
/// others. Nothing is told by a mark that differs; one that is the same tells that the record needs no second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceMark(u64);

impl SourceMark {
    const OF_MAPPING: u64 = (1 << 24) - 1;

    /// From a hash of each.
    pub const fn new(record: u64, mapping: u64) -> Self {
        Self(record & !Self::OF_MAPPING | mapping & Self::OF_MAPPING)
    }

    /// Whether both are of the same record, whatever it was mapped with.
    pub const fn is_of_same_record(self, other: Self) -> bool {
        (self.0 ^ other.0) & !Self::OF_MAPPING == 0
    }
}

/// Adds these links, or replaces those of the same source records.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn upsert_many(tx: &Transaction<'_>, sync: SyncId, links: &[Link]) -> Result<()> {
    upsert_marked(tx, sync, links.iter().map(|link| (link, None)))
}

/// As [`upsert_many`], with the marks of the source records that the links were made with.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn upsert_marked<'a>(
    tx: &Transaction<'_>,
    sync: SyncId,
    links: impl IntoIterator<Item = (&'a Link, Option<SourceMark>)>,
) -> Result<()> {
    let links = links.into_iter().map(|(link, mark)| (link, mark, None));
    upsert_journalled(tx, sync, links)
}

/// As [`upsert_marked`], of links whose shadows may have been journalled: those of new links stay where they are.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn upsert_journalled<'a>(
    tx: &Transaction<'_>,
    sync: SyncId,
    links: impl IntoIterator<Item = (&'a Link, Option<SourceMark>, Option<ShadowPlace>)>,
) -> Result<()> {
    let mut links = links.into_iter().peekable();
    if links.peek().is_none() {
        return Ok(());
    }
    let sync_no = sync_no(tx, sync)?;
    let mut next_shadow: i64 = first(
        tx,
        "shadow",
        "SELECT coalesce(max(shadow_no), 0) + 1 AS next FROM shadows",
        [],
        |row| row.get("next"),
    )?
    .ok_or_else(|| Error::corrupt("number of shadows"))?;
    // Most links are new: those that are not say so by themselves.
    let mut insert_link = prepare(
        tx,
        "use links",
        r"INSERT INTO links (sync_no, source_key, target_key, source_fingerprint, target_version,
              shadow_no, source_mark, shadow_place, made_on)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
          ON CONFLICT (sync_no, source_key) DO NOTHING",
    )?;
    let mut find_shadow = prepare(
        tx,
        "use links",
        "SELECT shadow_no, shadow_place FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut update_link = prepare(
        tx,
        "use links",
        r"UPDATE links
          SET made_on = coalesce(?8, CASE WHEN target_key = ?3 THEN made_on END),
              target_key = ?3, source_fingerprint = ?4, target_version = ?5, source_mark = ?6,
              shadow_no = ?7, shadow_place = NULL
          WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut put_shadow = prepare(
        tx,
        "use links",
        r"INSERT INTO shadows (shadow_no, shadow, target_shadow, source_version)
          VALUES (?1, ?2, ?3, ?4)
          ON CONFLICT (shadow_no) DO UPDATE
          SET shadow = excluded.shadow, target_shadow = excluded.target_shadow,
              source_version = excluded.source_version",
    )?;
    let mut uses = Uses::default();
    for (link, mark, place) in links {
        // A row has what a packet has no room for.
        let place = place.filter(|_| link.target_shadow.is_none() && link.source_version.is_none());
        let source_key = link.source_key.as_str();
        let target_key = link.target_key.as_str();
        let fingerprint = link.source_fingerprint.to_bytes();
        let version = link.target_version.as_deref();
        let mark = mark.map(|mark| mark.0.cast_signed());
        let made_on = link.made_on.map(number_of);
        let n_inserted = insert_link
            .execute(params![
                sync_no,
                source_key,
                target_key,
                fingerprint,
                version,
                place.map_or(next_shadow, |place| place.packet_no),
                mark,
                place.map(|place| place.place),
                made_on,
            ])
            .during("insert a link")?;
        if let (1.., Some(place)) = (n_inserted, place) {
            uses.take(place.packet_no);
            continue;
        }
        let mut shadow_no = next_shadow;
        if n_inserted == 0 {
            let (known_no, known_place) = find_shadow
                .query_row(params![sync_no, source_key], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Option<u32>>(1)?))
                })
                .during("look a shadow up")?;
            match known_place {
                None => shadow_no = known_no,
                Some(_) => uses.leave(known_no),
            }
            update_link
                .execute(params![
                    sync_no,
                    source_key,
                    target_key,
                    fingerprint,
                    version,
                    mark,
                    shadow_no,
                    made_on
                ])
                .during("update a link")?;
        }
        let shadow = object_text("shadow", &link.shadow)?;
        let on_target = link
            .target_shadow
            .as_ref()
            .map(|shadow| object_text("shadow", shadow))
            .transpose()?;
        put_shadow
            .execute(params![shadow_no, shadow, on_target, link.source_version])
            .during("keep a shadow")?;
        if shadow_no == next_shadow {
            next_shadow += 1;
        }
    }
    uses.note(tx, sync_no)
}

/// Notes with which bytes of the source these links still agree.
pub fn mark_many(
    tx: &Transaction<'_>,
    sync: SyncId,
    marks: &[(RecordKey, SourceMark)],
) -> Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "mark links",
        "UPDATE links SET source_mark = ?3 WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    for (key, mark) in marks {
        statement
            .execute(params![sync_no, key.as_str(), mark.0.cast_signed()])
            .during("mark a link")?;
    }
    Ok(())
}

/// What is known of a source record by its key and its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not linked.
    New,
    /// It is linked, and whether it changed is to be seen.
    Linked,
    /// It is linked, and was mapped from the same bytes by the same mapping before.
    Same,
}

impl Standing {
    fn of(found: Option<i64>, mark: Option<SourceMark>) -> Self {
        match mark {
            Some(mark) if found == Some(mark.0.cast_signed()) => Self::Same,
            _ => Self::Linked,
        }
    }
}

/// Where these source records stand, in their order.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn standings(
    conn: &Connection,
    sync: SyncId,
    records: &[(&RecordKey, Option<SourceMark>)],
) -> Result<Vec<Standing>> {
    let sync_no = sync_no(conn, sync)?;
    let mut order: Vec<usize> = (0..records.len()).collect();
    let key_of = |n: usize| records.get(n).map_or("", |(key, _)| key.as_str());
    order.sort_unstable_by(|a, b| key_of(*a).cmp(key_of(*b)));
    let mut out = vec![Standing::New; records.len()];
    let (Some(from), Some(to)) = (order.first(), order.last()) else {
        return Ok(out);
    };
    // Keys that follow each other are read in one pass; the pass ends where too much lies between them.
    let mut steps = 2 * records.len() + 64;
    let mut left = order.iter().copied().peekable();
    {
        let mut statement = prepare(
            conn,
            "use links",
            r"SELECT source_key, source_mark
              FROM links
              WHERE sync_no = ?1 AND source_key BETWEEN ?2 AND ?3
              ORDER BY source_key",
        )?;
        let mut rows = statement
            .query(params![sync_no, key_of(*from), key_of(*to)])
            .during("look marks up")?;
        while let Some(row) = rows.next().during("look marks up")? {
            let corrupt = || Error::corrupt("link");
            let key = row.get_ref(0).ok().and_then(|key| key.as_str().ok());
            let key = key.ok_or_else(corrupt)?;
            let mark: Option<i64> = row.get(1).map_err(|_| corrupt())?;
            while let Some(n) = left.next_if(|n| key_of(*n) <= key) {
                if let Some(((wanted, known), slot)) = records.get(n).zip(out.get_mut(n))
                    && wanted.as_str() == key
                {
                    *slot = Standing::of(mark, *known);
                }
            }
            if left.peek().is_none() {
                return Ok(out);
            }
            steps -= 1;
            if steps == 0 {
                break;
            }
        }
    }
    if steps > 0 {
        return Ok(out);
    }
    let mut statement = prepare(conn, "use links", MARK_OF)?;
    for n in left {
        let Some(((key, known), slot)) = records.get(n).zip(out.get_mut(n)) else {
            continue;
        };
        let mark = mark_in(&mut statement, sync_no, key)?;
        if let Some(mark) = mark {
            *slot = Standing::of(mark, *known);
        }
    }
    Ok(out)
}

const MARK_OF: &str = "SELECT source_mark FROM links WHERE sync_no = ?1 AND source_key = ?2";

/// The mark that a link has, if any; none where there is no link.
fn mark_in(
    statement: &mut rusqlite::Statement<'_>,
    sync_no: i64,
    source_key: &RecordKey,
) -> Result<Option<Option<i64>>> {
    statement
        .query_row(params![sync_no, source_key.as_str()], |row| row.get(0))
        .optional()
        .during("look marks up")
}

/// The marks of links of these source records, as far as they have one.
pub fn marks_many(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, SourceMark>> {
    let sync_no = sync_no(conn, sync)?;
    let mut statement = prepare(conn, "use links", MARK_OF)?;
    let mut out = HashMap::new();
    for key in source_keys {
        let mark = mark_in(&mut statement, sync_no, key)?;
        if let Some(mark) = mark.flatten() {
            out.insert(key.clone(), SourceMark(mark.cast_unsigned()));
        }
    }
    Ok(out)
}

/// Forgets the links of these source records. Returns how many there were.
pub fn delete_many(tx: &Transaction<'_>, sync: SyncId, source_keys: &[RecordKey]) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    let mut find_shadow = prepare(
        tx,
        "use links",
        "SELECT shadow_no, shadow_place FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut delete_shadow = prepare(tx, "use links", "DELETE FROM shadows WHERE shadow_no = ?1")?;
    let mut delete_link = prepare(
        tx,
        "use links",
        "DELETE FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut uses = Uses::default();
    let mut n_deleted = 0;
    for key in source_keys {
        let shadow: Option<(i64, Option<u32>)> = find_shadow
            .query_row(params![sync_no, key.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .during("look a shadow up")?;
        match shadow {
            None => continue,
            Some((packet_no, Some(_))) => uses.leave(packet_no),
            Some((shadow_no, None)) => {
                delete_shadow
                    .execute([shadow_no])
                    .during("delete a shadow")?;
            }
        }
        n_deleted += delete_link
            .execute(params![sync_no, key.as_str()])
            .during("delete a link")?;
    }
    uses.note(tx, sync_no)?;
    Ok(n_deleted)
}

/// Forgets every link of a sync, and what hangs on them. Returns how many there were.
pub fn delete_all(tx: &Transaction<'_>, sync: SyncId) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    shadows::forget_packets(tx, sync_no)?;
    for sql in [
        r"DELETE FROM shadows
          WHERE shadow_no IN (SELECT shadow_no FROM links WHERE sync_no = ?1 AND shadow_place IS NULL)",
        "DELETE FROM missing WHERE sync_no = ?1",
        "DELETE FROM conflicts WHERE sync_no = ?1",
        "DELETE FROM flips WHERE sync_no = ?1",
    ] {
        execute(tx, "forget links", sql, [sync_no])?;
    }
    execute(
        tx,
        "forget links",
        "DELETE FROM links WHERE sync_no = ?1",
        [sync_no],
    )
}

/// How many records are linked.
pub fn count(conn: &Connection, sync: SyncId) -> Result<u64> {
    first(
        conn,
        "link",
        "SELECT count(*) AS n FROM links WHERE sync_no = ?1",
        [sync_no(conn, sync)?],
        |row| row.unsigned("n"),
    )?
    .ok_or_else(|| Error::corrupt("count of links"))
}

/// Links in order of their source keys, after `after`.
pub fn page(
    conn: &Connection,
    sync: SyncId,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<Link>> {
    let found = all(
        conn,
        "link",
        &format!(
            r"{SELECT}
              WHERE links.sync_no = ?1 AND links.source_key > ?2
              ORDER BY links.source_key
              LIMIT ?3"
        ),
        params![
            sync_no(conn, sync)?,
            after.map_or("", RecordKey::as_str),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ],
        read,
    )?;
    with_shadows(conn, found)
}

/// As stored.
const fn number_of(side: Side) -> i64 {
    match side {
        Side::Target => 1,
        Side::Source => 2,
    }
}

fn read(row: &Columns<'_>) -> Result<Found> {
    let place: Option<u32> = row.get("shadow_place")?;
    let place = match place {
        Some(place) => Some(ShadowPlace {
            packet_no: row.get("shadow_no")?,
            place,
        }),
        None => None,
    };
    let link = Link {
        source_key: RecordKey(row.get("source_key")?),
        target_key: RecordKey(row.get("target_key")?),
        source_fingerprint: row.fingerprint("source_fingerprint")?,
        shadow: match place {
            Some(_) => Object::new(),
            None => row.object("shadow")?,
        },
        target_shadow: row.optional_object("target_shadow")?,
        source_version: row.get("source_version")?,
        target_version: row.get("target_version")?,
        made_on: match row.get("made_on")? {
            None => None,
            Some(1_i64) => Some(Side::Target),
            Some(2) => Some(Side::Source),
            Some(_) => return Err(Error::corrupt("side on which a record was made")),
        },
    };
    Ok(Found { link, place })
}
