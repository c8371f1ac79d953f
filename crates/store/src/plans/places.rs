//! Any part of a plan's list at once: which entries a list has is found out first, as numbers, and the entries in
//! sight are fetched by them.

use model::ids::PlanId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, params};

use super::entries::{PlanAction, PlanEntry, read_entry};
use super::plan_no;
use crate::column::{Columns, like_anywhere, like_in_json, prepare};
use crate::error::{During, Error, Result};

/// Which entries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EntryFilter {
    /// Only with one of these actions; empty for all.
    pub actions: Vec<PlanAction>,
    /// Only with this text in keys, values or problem.
    pub text: String,
}

const WHAT: &str = "plan entry";

// Without the source's record: it is the largest part, and no list shows it.
const LISTED_COLUMNS: &str = "seq, side, action, is_included, source_key, target_key, fields, \
                              before, mapped, mapped_fingerprint, NULL AS source, problem, \
                              target_version, other_version, kinds";

/// The numbers (`seq`) of all entries that fit, in order: four bytes for each.
pub fn places(conn: &Connection, id: PlanId, filter: &EntryFilter) -> Result<Vec<u32>> {
    let plan_no = plan_no(conn, id)?;
    // Each action is a range of the index; without a text the index alone answers.
    let ranges: Vec<String> = match filter.actions.as_slice() {
        [] => vec![String::new()],
        actions => actions
            .iter()
            .map(|action| format!(" AND action = '{}'", action.as_str()))
            .collect(),
    };
    let mut found = Vec::new();
    for range in &ranges {
        let sql = format!("SELECT seq FROM plan_entries WHERE plan_no = ?1{range}");
        if filter.text.is_empty() {
            append(conn, &sql, params![plan_no], &mut found)?;
            continue;
        }
        let sql = format!(
            r"{sql} AND (source_key LIKE ?2 ESCAPE '\' OR target_key LIKE ?2 ESCAPE '\'
                  OR problem LIKE ?2 ESCAPE '\' OR fields LIKE ?3 ESCAPE '\'
                  OR before LIKE ?3 ESCAPE '\' OR mapped LIKE ?3 ESCAPE '\')"
        );
        let text = &filter.text;
        let patterns = params![plan_no, like_anywhere(text), like_in_json(text)];
        append(conn, &sql, patterns, &mut found)?;
    }
    found.sort_unstable();
    Ok(found)
}

fn append(conn: &Connection, sql: &str, params: impl Params, found: &mut Vec<u32>) -> Result<()> {
    let mut statement = prepare(conn, WHAT, sql)?;
    let mut rows = statement.query(params).during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let seq = match row.get_ref(0).during(WHAT)? {
            ValueRef::Integer(seq) => u32::try_from(seq).ok(),
            _ => None,
        };
        found.push(seq.ok_or_else(|| Error::corrupt(WHAT))?);
    }
    Ok(())
}

/// The entries with these numbers, in their order, without the source's records. One that is gone is left out.
pub fn entries_at(conn: &Connection, id: PlanId, seqs: &[u32]) -> Result<Vec<PlanEntry>> {
    let plan_no = plan_no(conn, id)?;
    let sql = format!("SELECT {LISTED_COLUMNS} FROM plan_entries WHERE plan_no = ?1 AND seq = ?2");
    let mut statement = prepare(conn, WHAT, &sql)?;
    let mut found = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let mut rows = statement.query(params![plan_no, seq]).during(WHAT)?;
        if let Some(row) = rows.next().during(WHAT)? {
            found.push(read_entry(&Columns { row, what: WHAT })?);
        }
    }
    Ok(found)
}
